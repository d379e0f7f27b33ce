// Keys. Every one of them does what a link or button on the page does; `?` lists them.

import { KEYS } from "./live.js";

const PLACES = { l: "/", p: "/profiles/", e: "/peers/", a: "/alerts/", h: "/history/", o: "/orders/", t: "/taps/", k: "/kpis/" };
const links = () => [...document.querySelectorAll("main tbody tr td.c-who a, main table.list tbody tr a")].filter((a, i, all) => all.findIndex((b) => b.closest("tr") === a.closest("tr")) === i);
let going = 0;

const typing = (target) => target.matches?.("input:not([type=checkbox]), textarea, select, [contenteditable]");

function move(step) {
  const all = links();
  const at = all.indexOf(document.activeElement?.closest("tr")?.querySelector("a"));
  const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + step))];
  next?.focus();
}

function ask(what) {
  const row = rowHere();
  const button = document.querySelector(`[data-act=${what}]`);
  if (!document.body.classList.contains("may-end")) return;
  if (row && !row.classList.contains("ended")) htmx.ajax("GET", `/call/${row.dataset.uid}/${what}/form`, { target: "#ask", swap: "innerHTML" });
  else if (button?.checkVisibility()) button.click();
}

const rowHere = () => document.activeElement?.closest("tr[data-uid]") ?? document.querySelector("tr[data-uid]:hover");

const ACTIONS = {
  ...KEYS,
  "/": () => document.querySelector("[data-search]")?.focus(),
  "?": () => document.getElementById("keys")?.showModal(),
  g: () => (going = performance.now()),
  e: () => ask("end"),
  t: () => ask("transfer"),
  j: () => ask("join"),
  x: () => document.body.classList.contains("may-end") && rowHere()?.querySelector("[name=uid]")?.click(),
  d: () => document.querySelector("[data-pcap]")?.click(),
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
};

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.matches?.("[data-search]")) return event.target.blur();
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
  if (performance.now() - going < 1200 && PLACES[event.key]) {
    location.href = PLACES[event.key];
    return;
  }
  const table = document.querySelector("main tbody");
  if (event.key.startsWith("Arrow") && (!table || !(event.target === document.body || table.contains(event.target)))) return;
  if (ACTIONS[event.key]) {
    event.preventDefault();
    ACTIONS[event.key]();
  }
});
