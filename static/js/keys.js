// Keys. Every one of them does what a link or button on the page does, most by clicking what names it in aria-keyshortcuts; `?` lists them.

import { $, $$, on, beside } from "./shared.js";


let going = 0;

const may = () => document.body.classList.contains("may-end");
const rowHere = () => document.activeElement.closest("tr[data-uid]") ?? $("tr[data-uid]:hover");

function move(step) {
  const links = $$("main tbody tr").map((row) => $("td.c-who a, table.list tbody a", row)).filter(Boolean);
  const here = document.activeElement.closest("tr");
  beside(links, here && links.find((link) => here.contains(link)), step)?.focus();
}

function ask(what) {
  const row = rowHere();
  const button = $(`[data-act=${what}]`);
  if (!may()) return;
  if (row && !row.classList.contains("ended")) htmx.ajax("GET", `/call/${row.dataset.uid}/${what}/form`, { target: "#ask", swap: "innerHTML" });
  else if (button?.checkVisibility()) button.click();
}

const ACTIONS = {
  "/": () => $("[data-search]")?.focus(),
  g: () => (going = performance.now()),
  e: () => ask("end"),
  t: () => ask("transfer"),
  j: () => ask("join"),
  x: () => may() && rowHere()?.querySelector("[name=uid]")?.click(),
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
};

on("keydown", (event) => {
  const { key, target } = event;
  if (key === "Escape" && target.matches("[data-search]")) return target.blur();
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.matches("input:not([type=checkbox]), textarea, select, [contenteditable]") || $("dialog[open]")) return;
  const place = performance.now() - going < 1200 && $(`.nav [data-go="${CSS.escape(key)}"]`);
  const table = $("main tbody");
  if (place) return place.click();
  if (key.startsWith("Arrow") && (!table || !(target === document.body || table.contains(target)))) return;
  const act = ACTIONS[key] ?? $(`[aria-keyshortcuts="${CSS.escape(key)}"]`);
  if (!act) return;
  event.preventDefault();
  act.click ? act.click() : act();
});
