// The browser's end of the push: checks the numbers of frames, confirms them, holds rows still under the pointer, says when data is stale.
// htmx's hx-ws owns the socket and swaps `content`; see dashboard/live/frames.py for the envelope.

import { ago, hear } from "./clock.js";
import { $, $$, on } from "./shared.js";

const STALE_MS = 2000; // the server speaks at least every second
const DEAD_MS = 8000; // a socket that is open and silent this long is replaced
const REST_MS = 10000; // a pointer that rests this long does not point any more
const MOST_NEW = 1000; // the server counts no further

const wire = $("#wire");
const link = $("#link");
const form = $("#filter");
let connection = null;
let last = 0;
let heard = performance.now();
let fresh = 0; // calls that came since the rows were sorted
let held = 0; // rows that would have come or gone
let frozen = false;
let pointed = 0;

const connected = () => connection?.socket?.readyState === WebSocket.OPEN;
const tell = (message) => connected() && connection.socket.send(JSON.stringify(message));

// Frozen, under the pointer, a menu open: rows neither come nor go.
const holding = () => frozen || (performance.now() - pointed < REST_MS && $("#rows:hover")) || $("#menu:popover-open");

function showHeld() {
  const chip = $("#held");
  if (!chip) return;
  const news = `${fresh < MOST_NEW ? fresh : `${MOST_NEW}+`} new`;
  chip.hidden = !fresh && !held;
  chip.classList.toggle("held", held > 0);
  chip.textContent = held ? `${frozen ? "Frozen" : "Held"}: ${fresh ? `${news}, ` : ""}${held} to come or go: show` : `${news}: sort`;
}

// Because somebody asked, and at once: what moves then moves under nobody's hand.
function sort() {
  freeze(false);
  held = 0;
  tell({ sort: true });
}

function freeze(on) {
  frozen = on;
  $("#freeze")?.setAttribute("aria-pressed", on);
}

function release() {
  if (!held || holding()) return;
  held = 0;
  tell({ refresh: true });
}

function arrive(frame) {
  hear(frame.at);
  heard = performance.now();
  if (frame.snapshot) {
    if (frame.snapshot !== "refresh") fresh = 0;
    held = followed = 0; // another connection knows nothing of it
  } else if (frame.n !== last + 1) {
    tell({ resync: last });
  }
  last = frame.n;
  fresh += frame.new ?? 0;
  if (frame.n % 8 === 0 || frame.snapshot) tell({ ack: frame.n });
}

// The HTML to swap now; what comes or goes waits while somebody points at the table.
function content(frame) {
  if (!frame.moves || !holding()) return (frame.content ?? "") + (frame.moves ?? "");
  held += frame.moves.split("</hx-partial>").length - 1;
  return frame.content;
}

// An order on the screen is followed: its steps come with the frames.
let followed = 0;
function follow() {
  const order = Number($(":is(dialog[open], main) [data-order]")?.dataset.order ?? 0);
  if (order !== followed) tell({ order: (followed = order) });
}

on("htmx:ws:before:message:incoming", ({ detail: { message } }) => {
  const frame = JSON.parse(message.data);
  arrive(frame);
  message.data = JSON.stringify({ n: frame.n, content: content(frame) });
  showHeld();
});
on("htmx:ws:after:connection", ({ detail }) => {
  connection = detail.connection;
  last = 0;
});
on("htmx:ws:close", ({ detail }) => detail.code === 4403 && show("out", "Signed out", ""));

function show(next, word, age) {
  link.dataset.link = next;
  $("[data-link-word]", link).textContent = word;
  $("[data-link-age]", link).textContent = age;
  document.body.classList.toggle("stale", next === "stale" || next === "out");
}

function watch() {
  const silent = performance.now() - heard;
  if (link.dataset.link === "out" || document.hidden) return;
  if (silent >= STALE_MS) show("stale", "Stale", ago(silent));
  else if (last) show("live", "Live", ago(silent));
  if (silent > DEAD_MS && connected()) {
    heard = performance.now() - STALE_MS; // the next attempt gets its time
    htmx.process(wire, true); // drops the silent socket and opens another
  }
}

// A filter goes over the socket; the address follows: reload, link and reconnect show the same.
function choose() {
  const chosen = Object.fromEntries([...new FormData(form)].filter(([, value]) => value));
  const query = `${new URLSearchParams(chosen)}`;
  for (const field of $$("[data-asked]")) field.value = field.name === "q" ? (chosen.q ?? "") : query;
  history.replaceState(null, "", query ? `?${query}` : location.pathname);
  const address = `/ws/live/?page=live${query ? `&${query}` : ""}`;
  wire.setAttribute("hx-ws:connect", address);
  if (connection) connection.url = connection.url.replace(/\/ws\/.*/, address);
  for (const anchor of $$("a[data-view]")) {
    const asked = new URLSearchParams(anchor.search);
    chosen.q ? asked.set("q", chosen.q) : asked.delete("q");
    anchor.search = asked;
  }
  tell({ filter: chosen });
}

if (wire) {
  for (const act of [watch, release, follow]) setInterval(act, 250);
  on("visibilitychange", () => (heard = performance.now()));
  on("pointermove", () => (pointed = performance.now()), $("#rows"));
  on("click", sort, $("#held"));
  on("click", () => (freeze(!frozen), showHeld()), $("#freeze"));
  let typing;
  const later = (event, ms) => {
    clearTimeout(typing);
    if (event.target.matches("form, [data-search]")) typing = setTimeout(choose, ms);
  };
  on("input", (event) => "whole" in form.dataset || later(event, 200), form); // each search is written down: none for half a number
  on("submit", (event) => (event.preventDefault(), later(event, 0)), form);
}
