// Durations tick here; the server never pushes a clock. Elements say from when: data-since-ns, data-ago-ns (short), data-until-ns (countdown).

let offset = null; // server's clock minus ours, ms: the largest seen is the one with the least delay

export function hear(serverMs) {
  const seen = serverMs - Date.now();
  offset = offset === null || seen > offset || offset - seen > 5000 ? seen : offset;
}

export const now = () => Date.now() + (offset ?? 0);

export function span(ms) {
  const all = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes, seconds] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, String(all % 60).padStart(2, "0")];
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}` : `${minutes}:${seconds}`;
}

export function ago(ms) {
  const seconds = Math.max(0, ms / 1000);
  return seconds < 9.95 ? `${seconds.toFixed(1)} s` : seconds < 100 ? `${Math.floor(seconds)} s` : span(ms);
}

export function left(ms) {
  return ms <= 0 ? "0 s" : ms < 100_000 ? `${Math.ceil(ms / 1000)} s` : span(ms);
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function tick(root = document) {
  const at = now();
  for (const element of root.querySelectorAll("[data-since-ns]")) write(element, span(at - element.dataset.sinceNs / 1e6));
  for (const element of root.querySelectorAll("[data-ago-ns]")) write(element, `${ago(at - element.dataset.agoNs / 1e6)} ago`);
  for (const element of root.querySelectorAll("[data-until-ns]")) write(element, left(element.dataset.untilNs / 1e6 - at));
}

setInterval(tick, 250);
