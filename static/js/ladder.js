// The ladder of the call page: opening, picking and comparing messages, times, colours, keys. The server draws it and lets it grow.

import { $, $$, beside, on, plain } from "./shared.js";

const desk = $(".desk");
const steps = () => $$("#steps > li", desk);
const number = (step) => step.id.slice(1);
const KINDS = ["req", "ok", "odd", "fail", "prov"]; // colours in turn
let picked = []; // at most two
let shown = ""; // the message in #raw
let mark = ""; // times count from it

const load = (path) => htmx.ajax("GET", $(".call").dataset.messages + path, { target: "#raw", swap: "innerHTML" });
const holding = (n) => $(`#steps > [data-n~="${CSS.escape(n)}"]`, desk);

// After every change: the server knows neither form of times nor picks.
function paint() {
  const all = steps();
  const [times, colour] = $$("[data-cycle] b", desk).map((word) => word.textContent);
  const opened = holding(shown || "0");
  const zero = Number(all.find((step) => number(step) === mark)?.dataset.s ?? 0);
  let before = 0;
  for (const step of all) {
    const { s, x, h } = step.dataset;
    const time = $("time", step);
    const from = times === "delta" ? before : zero;
    const text = times === "absolute" ? time.title.slice(11, 23) : (s - from < 0 ? "" : "+") + (s - from).toFixed(3);
    if (time.textContent !== text) time.textContent = text;
    before = Number(s);
    const group = { transaction: x, leg: h }[colour];
    step.dataset.kind ??= step.dataset.c;
    step.dataset.c = group === undefined ? step.dataset.kind : KINDS.at(group % KINDS.length);
    step.classList.toggle("sel", picked.includes(number(step)) || number(step) === mark);
    step.toggleAttribute("aria-current", step === opened);
  }
}

function open(n) {
  shown = n;
  history.replaceState(null, "", `#m${n}`);
  load(`message/${n}/`);
  paint();
}

function compare(here) {
  const other = picked.findLast((n) => n !== here) ?? shown;
  if (other && other !== here) load(`diff/${Math.min(other, here)}/${Math.max(other, here)}/`);
}

function pick(n) {
  picked = picked.includes(n) ? picked.filter((one) => one !== n) : [...picked, n].slice(-2);
  paint();
  if (picked.length === 2) compare(n);
}

function cycle({ currentTarget }) {
  const words = currentTarget.dataset.cycle.split(" ");
  const word = $("b", currentTarget);
  word.textContent = words[(words.indexOf(word.textContent) + 1) % words.length];
  paint();
}

const focus = (step) => step && $("a", step).focus();

function move(by) {
  const all = steps();
  focus(beside(all, document.activeElement.closest("#steps > li") ?? holding(shown || "0"), by));
}

const ANYWHERE = {
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  s: () => ($(".segs [aria-current] + a", desk) ?? $(".segs a", desk)).click(),
};
const ON_STEP = {
  Home: () => focus(steps()[0]),
  End: () => focus(steps().at(-1)),
  " ": pick,
  f: compare,
  F: compare,
  d: compare,
  m: (n) => {
    mark = mark === n ? "" : n;
    paint();
  },
};

addEventListener(
  "keydown",
  (event) => {
    const { key, target } = event;
    if (!plain(event) || $("dialog[open], :popover-open")) return;
    const step = target.closest("#steps > li");
    const act = (step && ON_STEP[key]) || ((step || target === document.body || target.id === "main") && ANYWHERE[key]);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act(step && number(step));
  },
  true, // before the keys of every page
);

on("click", (event) => {
  const link = event.target.closest('a[href*="#m"]');
  if (!link || !plain(event) || event.shiftKey) return;
  event.preventDefault();
  if (link.closest("#steps")) open(link.hash.slice(2));
  else location.hash = link.hash;
});

for (const button of $$("[data-cycle]", desk)) on("click", cycle, button);

// The transaction under the pointer or the focus lights up, on both hops.
function light({ target }) {
  const x = target.closest("#steps > li")?.dataset.x;
  for (const step of $$(`.lit, #steps > [data-x="${x}"]`, desk)) step.classList.toggle("lit", step.dataset.x === x && x >= 0);
}
on("pointerover", light, desk);
on("focusin", light, desk);

on("htmx:ws:after:message:incoming", paint);

// A permalink, also to a message that a step stands for.
function follow() {
  const n = location.hash.match(/^#m(\d+)$/)?.[1];
  if (!n || n === shown) return;
  open(n);
  holding(n)?.scrollIntoView({ block: "center" });
}
addEventListener("hashchange", follow);
follow();
