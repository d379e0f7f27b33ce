// What pages share: menus, dialogs, copying, the theme.

import "./alerts.js";
import "./keys.js";
import "./live.js";
import "./picks.js";
import { download, take } from "./query.js";
import { $, keep, on, say } from "./shared.js";

const root = document.documentElement;
const menu = $("#menu");
const ask = $("#ask");

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

keep("here", Intl.DateTimeFormat().resolvedOptions().timeZone); // history offers this zone

// What htmx loads into the menu or the dialog opens it.
on("htmx:after:swap", ({ detail: { ctx } }) => {
  if (ctx?.target === menu) {
    menu.showPopover({ source: ctx.sourceElement }); // it stands there, and the focus goes back there
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
  "dialog [data-close]": (element) => element.closest("dialog").close(),
  "[data-export]": (link) => download(link),
  "[data-take]": ({ dataset }) => take(dataset.take),
  "[data-theme-toggle]": () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    keep("theme", (root.dataset.theme = dark ? "light" : "dark"));
    if ($("#charts")) location.reload(); // a canvas knows no tokens
  },
};

on("click", (event) => {
  for (const [selector, act] of Object.entries(CLICKS)) {
    const element = event.target.closest(selector);
    if (element) act(element);
    if (element?.matches("a")) event.preventDefault();
  }
});
