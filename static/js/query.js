// The search box offers what could stand next; a zone is taken when it is chosen; downloads show how far they are.

import { $, on } from "./shared.js";

const input = $("[aria-controls=offers]");

// The server completes what stands before the cursor: dashboard/query/offers.py.
on("htmx:config:request", ({ detail: { ctx } }) => ctx.request.body.set("q", input.value.slice(0, input.selectionStart)), input);

export function take(text) {
  input.setRangeText(text, 0, input.selectionStart, "end");
  input.focus();
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

on("change", ({ target }) => target.form.requestSubmit(), $("select[name=zone]"));

// A download as it comes: counted, stopped by a click. The link alone does it without a figure.
export async function download({ href, dataset }) {
  const box = $("#export");
  const [words, button] = box.children;
  const stop = new AbortController();
  button.onclick = () => stop.abort();
  $("#downloads").hidePopover();
  box.hidden = button.hidden = false;
  const parts = [];
  let [size, lines] = [0, -1]; // the first line is no call
  try {
    const answer = await fetch(href, { signal: stop.signal });
    if (!answer.ok) throw answer;
    for await (const part of answer.body) {
      parts.push(part);
      size += part.length;
      for (const byte of part) lines += byte === 10;
      const calls = dataset.export && `${Math.max(0, lines)}${dataset.total && ` of ${dataset.total}`} calls, `;
      words.textContent = `${calls}${(size / 1e6).toFixed(1)} MB`;
    }
    const file = { href: URL.createObjectURL(new Blob(parts)), download: answer.headers.get("content-disposition").split('"')[1] };
    Object.assign(document.createElement("a"), file).click();
    setTimeout(() => URL.revokeObjectURL(file.href), 60_000);
    words.append(": done");
  } catch (error) {
    words.textContent = error.name === "AbortError" ? "Cancelled" : "The download broke off: try again";
  }
  button.hidden = true;
}
