// Keys. Each does what a link or button does, most by clicking what names it in aria-keyshortcuts; `?` lists them.

import { $, $$, beside, on, plain } from "./shared.js";

const STEPS = { ArrowDown: 1, ArrowUp: -1 };
let going = -Infinity; // when g was pressed

const may = () => document.body.classList.contains("may-end");
const rowHere = () => document.activeElement.closest("tr[data-uid]") ?? $("tr[data-uid]:hover");

// Arrows go round in a menu, and from a search box to what it offers; one that offers nothing is asked.
function round(group, step) {
  const all = $$("a, button, input", group);
  if (all.length > 1) all.at((all.indexOf(document.activeElement) + step) % all.length).focus();
  else htmx.trigger(all[0], "offer");
}

// Escape puts the offers away, then leaves the box; a browser would empty it.
function leave(group) {
  const offers = $("#offers:not(:empty)", group);
  offers?.replaceChildren();
  offers ? $("input", group).focus() : document.activeElement.blur();
}

function move(step) {
  const links = $$("main tbody tr").map((row) => $("td.c-who a, table.list tbody a", row)).filter(Boolean);
  const here = document.activeElement.closest("tr");
  beside(links, links.find((link) => link.closest("tr") === here), step)?.focus();
}

function ask(what) {
  const row = rowHere();
  if (!may()) return;
  if (row && !row.classList.contains("ended")) htmx.ajax("GET", `/call/${row.dataset.uid}/${what}/form`, { target: "#ask", swap: "innerHTML" });
  else $$(`[data-act=${what}]`).find((button) => button.checkVisibility())?.click();
}

const ACTIONS = {
  "/": () => $("[data-search]")?.focus(),
  g: () => (going = performance.now()),
  e: () => ask("end"),
  t: () => ask("transfer"),
  j: () => ask("join"),
  x: () => may() && rowHere()?.querySelector("[name=uid]")?.click(),
  ArrowDown: move,
  ArrowUp: move,
};

on("keydown", (event) => {
  const { key, target } = event;
  const step = STEPS[key];
  const group = target.closest(step ? "#menu, .q" : ".q, :not(.q) > [data-search]");
  if (group && (step || key === "Escape")) {
    event.preventDefault();
    return step ? round(group, step) : leave(group);
  }
  if (!plain(event)) return;
  if (target.matches("input:not([type=checkbox]), textarea, select, [contenteditable]") || $("dialog[open]")) return;
  const place = performance.now() - going < 1200 && $(`.nav [data-go="${CSS.escape(key)}"]`);
  const table = $("main tbody");
  if (place) return place.click();
  if (step && (!table || !(target === document.body || table.contains(target)))) return;
  const act = ACTIONS[key] ?? $(`[aria-keyshortcuts="${CSS.escape(key)}"]`);
  if (!act) return;
  event.preventDefault();
  act.click ? act.click() : act(step);
});
