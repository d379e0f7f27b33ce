// Durations tick here: the server pushes no clock. Elements say from when: data-since-ns, data-ago-ns, data-until-ns.

import { $$, on } from "./shared.js";

let offset; // server's clock minus ours, ms: the largest seen has the least delay

export function hear(serverMs) {
  const seen = serverMs - Date.now();
  offset ??= seen;
  if (seen > offset || offset - seen > 5000) offset = seen;
}

function span(ms) {
  const all = Math.max(0, Math.floor(ms / 1000));
  const two = (number) => String(Math.floor(number) % 60).padStart(2, "0");
  return all < 3600 ? `${Math.floor(all / 60)}:${two(all)}` : `${Math.floor(all / 3600)}:${two(all / 60)}:${two(all)}`;
}

export function ago(ms) {
  const seconds = Math.max(0, ms / 1000);
  return seconds < 0.95 ? `${seconds.toFixed(1)} s` : seconds < 100 ? `${Math.floor(seconds + 0.05)} s` : span(ms);
}

const left = (ms) => (ms <= 0 ? "0 s" : ms < 100_000 ? `${Math.ceil(ms / 1000)} s` : span(ms));

// Far rows rest: two hundred would be laid out each second.
const near = (element) => Math.abs(element.getBoundingClientRect().y) < 2 * innerHeight;

function tick(root) {
  const at = Date.now() + (offset ?? 0);
  const all = $$("[data-since-ns], [data-ago-ns], [data-until-ns]", root);
  for (const element of root ? all : all.filter(near)) {
    const { sinceNs, agoNs, untilNs } = element.dataset;
    const text = sinceNs ? span(at - sinceNs / 1e6) : agoNs ? `${ago(at - agoNs / 1e6)} ago` : left(untilNs / 1e6 - at);
    const words = element.firstChild; // changed in place: a new node costs a layout
    if (words.data !== text) words.data = text;
  }
}

tick();
setInterval(tick, 250);
on("htmx:after:settle", ({ target }) => target.id === "rows" || tick(target));
