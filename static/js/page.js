// What pages share: menus, dialogs, copying, the theme, short notices.

import "./alerts.js";
import "./keys.js";
import "./live.js";
import "./picks.js";
import "./query.js";
import { tick } from "./clock.js";

const root = document.documentElement;
const menu = document.getElementById("menu");
const ask = document.getElementById("ask");
let opener = null;

tick();

export function toast(text, ms = 2500) {
  const box = document.getElementById("toast");
  box.textContent = text;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => (box.textContent = ""), ms);
}

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
  toast("Copied");
}

function place(box, near) {
  const { right, bottom, top } = near.getBoundingClientRect();
  box.style.left = `${Math.max(8, right - box.offsetWidth)}px`;
  box.style.top = `${bottom + box.offsetHeight + 8 > innerHeight ? Math.max(8, top - box.offsetHeight) : bottom}px`;
}

// What htmx loads into the menu or the dialog opens it.
document.addEventListener("htmx:after:swap", (event) => {
  const { ctx } = event.detail;
  tick();
  if (ctx?.target === menu && opener) {
    menu.showPopover();
    place(menu, opener);
    menu.querySelector("[data-first]")?.focus();
  }
  if (ctx?.target === ask && !ask.open) {
    menu.hidePopover();
    ask.showModal();
    ask.querySelector("[autofocus]")?.focus();
  }
});

const CLICKS = {
  ".more": (element) => (opener = element),
  "[data-copy]": (element) => copy(element.dataset.copy),
  "[data-copy-link]": (element) => copy(new URL(element.dataset.copyLink, location.href).href),
  "[data-keys]": () => document.getElementById("keys").showModal(),
  "[data-theme-toggle]": () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try {
      localStorage.setItem("dialtap-theme", root.dataset.theme);
    } catch {
      // storage is blocked: the choice lasts as long as the page
    }
  },
};

document.addEventListener("click", (event) => {
  for (const [selector, act] of Object.entries(CLICKS)) {
    const element = event.target.closest?.(selector);
    if (element) act(element);
  }
  const closer = event.target.closest?.("dialog [data-close]");
  if (closer || event.target === ask) {
    event.preventDefault();
    event.target.closest("dialog").close();
  }
  document.querySelectorAll("details:is(.who-menu, .drop-down)[open]").forEach((details) => details.contains(event.target) || (details.open = false));
});

menu?.addEventListener("toggle", (event) => {
  if (event.newState === "closed") opener?.focus({ preventScroll: true });
});
menu?.addEventListener("keydown", (event) => {
  const items = [...menu.querySelectorAll("a, button")];
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  event.stopPropagation();
  items[(items.indexOf(document.activeElement) + step + items.length) % items.length].focus();
});
