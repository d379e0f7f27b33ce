// The ladder of the call page: opening, picking and comparing messages, times, colours, keys. The server draws it and lets it grow.

const call = document.querySelector(".call");
const desk = document.querySelector(".desk");
const steps = () => [...desk.querySelectorAll("#steps > li")];
const number = (step) => step.id.slice(1);
const CYCLES = { times: ["relative", "delta", "absolute"], colour: ["type", "transaction", "leg"] };
const KINDS = ["req", "ok", "odd", "fail", "prov"]; // colours in turn
const chosen = { times: "relative", colour: "type" };
let picked = []; // at most two
let shown = ""; // the message in #raw
let mark = ""; // times count from it

const load = (path) => htmx.ajax("GET", call.dataset.messages + path, { target: "#raw", swap: "innerHTML" });
const holding = (n) => desk.querySelector(`#steps > [data-n~="${CSS.escape(n)}"]`);

// After every change: the server knows neither the times' form nor what is picked.
function paint() {
  const all = steps();
  const zero = Number(all.find((step) => number(step) === mark)?.dataset.s ?? 0);
  let before = 0;
  for (const step of all) {
    const { s, x, h } = step.dataset;
    const time = step.querySelector("time");
    const from = chosen.times === "delta" ? before : zero;
    const text = chosen.times === "absolute" ? time.title.slice(11, 23) : (s - from < 0 ? "" : "+") + (s - from).toFixed(3);
    if (time.textContent !== text) time.textContent = text;
    before = Number(s);
    const group = { transaction: x, leg: h }[chosen.colour];
    step.dataset.kind ??= step.dataset.c;
    step.dataset.c = group === undefined ? step.dataset.kind : KINDS.at(group % KINDS.length);
    step.classList.toggle("sel", picked.includes(number(step)) || number(step) === mark);
    step.toggleAttribute("aria-current", step === holding(shown || "0"));
  }
  for (const button of desk.querySelectorAll("[data-cycle]")) button.querySelector("b").textContent = chosen[button.dataset.cycle];
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

function cycle(name) {
  const words = CYCLES[name];
  chosen[name] = words[(words.indexOf(chosen[name]) + 1) % words.length];
  paint();
}

const focus = (step) => step?.querySelector("a").focus();

function move(by) {
  const all = steps();
  const at = all.indexOf(document.activeElement.closest("#steps > li") ?? holding(shown || "0"));
  focus(all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))]);
}

const ANYWHERE = {
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  w: () => cycle("times"),
  c: () => cycle("colour"),
  s: () => (desk.querySelector(".segs [aria-current] + a") ?? desk.querySelector(".segs a")).click(),
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

document.addEventListener(
  "keydown",
  (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open], :popover-open")) return;
    const step = target.closest("#steps > li");
    const act = (step && ON_STEP[key]) || ((step || target === document.body || target.id === "main") && ANYWHERE[key]);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act(step && number(step));
  },
  true,
);

document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href*="#m"]');
  const cycles = event.target.closest("[data-cycle]");
  if (cycles) cycle(cycles.dataset.cycle);
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const n = link.hash.slice(2);
  if (!link.closest("#steps")) holding(n)?.scrollIntoView({ block: "center" });
  open(n);
});

// The transaction under the pointer or the focus lights up, on both hops.
function light(event) {
  const x = event.target.closest?.("#steps > li")?.dataset.x;
  for (const step of desk.querySelectorAll(".lit")) step.classList.remove("lit");
  if (x >= 0) for (const step of desk.querySelectorAll(`#steps > [data-x="${x}"]`)) step.classList.add("lit");
}
desk.addEventListener("pointerover", light);
desk.addEventListener("focusin", light);

document.addEventListener("htmx:ws:after:message:incoming", paint);

// A permalink, also to a message that a step stands for.
function follow() {
  const n = location.hash.match(/^#m(\d+)$/)?.[1];
  if (!n || n === shown) return;
  open(n);
  holding(n)?.scrollIntoView({ block: "center" });
}
addEventListener("hashchange", follow);
follow();
