// The browser's end of the push: checks the numbers of frames, confirms them, holds rows still under the pointer, says when data is stale.
// htmx's hx-ws owns the socket and swaps `content`; see dashboard/live/frames.py for the envelope.

import { ago, hear, tick } from "./clock.js";

const STALE_MS = 2000; // the server speaks at least every second
const DEAD_MS = 8000; // a socket that is open and silent this long is replaced
const REST_MS = 10000; // a pointer that has not moved for this long does not point any more
const MOST_NEW = 1000; // the server counts no further
const ACK_EVERY = 8;
const FORBIDDEN = 4403;

const $ = (id) => document.getElementById(id);
const wire = $("wire");
const link = $("link");
let connection = null;
let last = 0;
let heard = performance.now();
let state = "wait";
let fresh = 0; // calls that came since the rows were sorted
let held = 0; // rows that would have come or gone
let dirty = false;
let frozen = false;
let pointed = 0;

const say = (message) => {
  if (connection?.socket?.readyState === WebSocket.OPEN) connection.socket.send(JSON.stringify(message));
};

// A table under the pointer, an open menu, or a focused row: rows neither come nor go.
function holding() {
  if (frozen) return true;
  const recent = performance.now() - pointed < REST_MS;
  return (recent && $("rows")?.matches(":hover")) || $("menu")?.matches(":popover-open");
}

function showHeld() {
  const chip = $("held");
  if (!chip) return;
  const news = fresh && `${fresh < MOST_NEW ? fresh : `${MOST_NEW}+`} new`;
  chip.hidden = !fresh && !held;
  chip.classList.toggle("held", dirty);
  chip.textContent = dirty ? `${frozen ? "Frozen" : "Held"}: ${[news, held && `${held} to come or go`].filter(Boolean).join(", ")}: show` : `${news}: sort`;
}

// Sorted anew because somebody asked, at once: what moves then moves under nobody's hand.
function sort() {
  freeze(false);
  dirty = false;
  say({ sort: true });
}

function freeze(on) {
  frozen = on;
  $("freeze")?.setAttribute("aria-pressed", on);
}

function release() {
  if (!dirty) return;
  dirty = false;
  held = 0;
  say({ refresh: true });
}

function note(text) {
  const line = $("resync");
  line.textContent = text;
  line.hidden = false;
  clearTimeout(note.timer);
  note.timer = setTimeout(() => (line.hidden = true), 6000);
}

const REASONS = { gap: "An update was lost. Everything was loaded again.", overflow: "This browser was too slow. Everything was loaded again." };

function arrive(frame) {
  hear(frame.at);
  heard = performance.now();
  if (frame.snapshot) {
    if (REASONS[frame.snapshot]) note(REASONS[frame.snapshot]);
    if (frame.snapshot !== "refresh") fresh = 0;
    dirty = false;
    held = 0;
    followed = 0; // another connection knows nothing of it
  } else if (frame.n !== last + 1) {
    say({ resync: last });
  }
  last = frame.n;
  fresh += frame.new ?? 0;
  if (frame.n % ACK_EVERY === 0 || frame.snapshot) say({ ack: frame.n });
}

// Returns the HTML to swap now; what comes or goes waits while somebody points at the table.
function content(frame) {
  if (!frame.moves || !holding()) return frame.moves ? (frame.content ?? "") + frame.moves : frame.content;
  dirty = true;
  held += frame.moves.split("</hx-partial>").length - 1;
  return frame.content;
}

// An order whose progress is on the screen is followed: its steps come with the frames.
let followed = 0;
function follow() {
  const order = Number(document.querySelector(":is(dialog[open], main) [data-order]")?.dataset.order ?? 0);
  if (order !== followed) say({ order: (followed = order) });
}

document.addEventListener("htmx:ws:before:message:incoming", (event) => {
  const frame = JSON.parse(event.detail.message.data);
  arrive(frame);
  event.detail.message.data = JSON.stringify({ n: frame.n, content: content(frame) });
  showHeld();
});
document.addEventListener("htmx:ws:after:message:incoming", () => tick());
document.addEventListener("htmx:ws:after:connection", (event) => {
  connection = event.detail.connection;
  last = 0;
});
document.addEventListener("htmx:ws:close", (event) => {
  if (event.detail.code === FORBIDDEN) show("out", "Signed out", "");
});

function show(next, word, age) {
  state = next;
  link.dataset.link = next;
  link.querySelector("[data-link-word]").textContent = word;
  link.querySelector("[data-link-age]").textContent = age;
  document.body.classList.toggle("stale", next === "stale" || next === "out");
}

function watch() {
  if (state === "out") return;
  const silent = performance.now() - heard;
  if (document.hidden) return;
  if (silent < STALE_MS) {
    if (last) show("live", "Live", ago(silent));
    return;
  }
  show("stale", "Stale", ago(silent));
  if (silent > DEAD_MS && connection?.socket?.readyState === WebSocket.OPEN) {
    heard = performance.now() - STALE_MS; // the next attempt gets its time
    htmx.process(wire, true); // drops the silent socket and opens another
  }
}

// A filter is sent over the socket; the address follows, so that reload, link and reconnect show the same.
function choose(form) {
  const chosen = Object.fromEntries([...new FormData(form)].filter(([, value]) => value));
  const query = new URLSearchParams(chosen).toString();
  for (const wish of [$("bulk")?.elements.filter, $("keep")?.elements.query, $("chooser")?.elements.q]) if (wish) wish.value = wish.name === "q" ? (chosen.q ?? "") : query;
  history.replaceState(null, "", query ? `?${query}` : location.pathname);
  const address = `/ws/live/?page=live${query ? `&${query}` : ""}`;
  wire.setAttribute("hx-ws:connect", address);
  if (connection) connection.url = connection.url.replace(/\/ws\/live\/.*$/, address);
  for (const anchor of document.querySelectorAll("a[data-view]")) {
    const url = new URL(anchor.href);
    chosen.q ? url.searchParams.set("q", chosen.q) : url.searchParams.delete("q");
    anchor.href = url;
  }
  say({ filter: chosen });
}

export const KEYS = { p: () => $("freeze")?.click(), r: () => $("rows") && sort() };

if (wire) {
  setInterval(watch, 250);
  setInterval(() => holding() || release(), 250);
  setInterval(follow, 250);
  document.addEventListener("visibilitychange", () => (heard = performance.now()));
  $("rows")?.addEventListener("pointermove", () => (pointed = performance.now()), { passive: true });
  $("held")?.addEventListener("click", sort);
  $("freeze")?.addEventListener("click", () => (freeze(!frozen), showHeld()));
  const form = $("filter");
  let typing;
  form?.addEventListener("input", (event) => {
    if ("whole" in form.dataset) return; // each search is written down: none for half a number
    clearTimeout(typing);
    if (event.target.matches("[data-search]")) typing = setTimeout(choose, 200, form);
  });
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(typing);
    choose(form);
  });
}
