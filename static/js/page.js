// What pages share: menus, dialogs, copying, the theme.

import "./alerts.js";
import "./keys.js";
import "./live.js";
import "./picks.js";
import { take } from "./query.js";
import { tick } from "./clock.js";
import { $, $$, on, around, keep, say, STEPS } from "./shared.js";

const root = document.documentElement;
const menu = $("#menu");
const ask = $("#ask");

tick();

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // plain http on another machine has no clipboard: the old way
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  say("Copied");
}

// What htmx loads into the menu or the dialog opens it.
on("htmx:after:swap", ({ detail: { ctx } }) => {
  tick();
  if (ctx?.target === menu) {
    menu.showPopover({ source: ctx.sourceElement }); // CSS places it there, and the focus goes back there
    $("[data-first]", menu)?.focus();
  }
  if (ctx?.target === ask && !ask.open) {
    menu.hidePopover();
    ask.showModal();
    $("[autofocus]", ask)?.focus();
  }
});

const CLICKS = {
  "[data-copy]": ({ dataset }) => copy(dataset.copy),
  "[data-copy-link]": ({ dataset }) => copy(new URL(dataset.copyLink, location.href).href),
  "[data-take]": ({ dataset }) => take(dataset.take),
  "[data-theme-toggle]": () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    keep("theme", (root.dataset.theme = dark ? "light" : "dark"));
  },
};

on("click", (event) => {
  const { target } = event;
  for (const [selector, act] of Object.entries(CLICKS)) {
    const element = target.closest(selector);
    if (element) act(element);
  }
  if (target.closest("dialog [data-close]")) {
    event.preventDefault();
    target.closest("dialog").close();
  }
});

menu?.addEventListener("keydown", (event) => {
  const step = STEPS[event.key];
  if (!step) return;
  event.preventDefault();
  event.stopPropagation();
  around($$("a, button", menu), step);
});
