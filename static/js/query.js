// The search box offers what could stand next; the browser's own zone can be chosen; downloads show how far they are.

import { $, $$, on, around, STEPS } from "./shared.js";


const list = $("#offers");
const input = $("[aria-controls=offers]");

// The server completes what stands before the cursor (dashboard/query/offers.py); what stands behind it stays.
input?.addEventListener("htmx:config:request", ({ detail: { ctx } }) => ctx.request.body.set("q", input.value.slice(0, input.selectionStart)));

export function take(text) {
  input.setRangeText(text, 0, input.selectionStart, "end");
  input.focus();
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

// Offers are buttons below the box: arrows go there and back.
input?.parentElement.addEventListener("keydown", (event) => {
  const step = STEPS[event.key];
  const items = [...list.children];
  if (step && !items.length) htmx.trigger(input, "offer");
  else if (step) around([input, ...items], step);
  else if (event.key === "Escape" && items.length) list.replaceChildren(input.focus());
  else return;
  event.preventDefault(); // Escape would empty the box
  event.stopPropagation();
});

for (const select of $$("select[name=zone]")) {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (![...select.options].some(({ value }) => value === own)) select.add(new Option(`${own} (browser)`, own));
  select.addEventListener("change", () => select.form.requestSubmit());
}

// A download as it comes: counted, and stopped by a click. The link alone does the same without a figure.
async function download({ href, dataset }, [words, button]) {
  const stop = new AbortController();
  button.onclick = () => stop.abort();
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
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(parts));
    link.download = answer.headers.get("content-disposition").split('"')[1];
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    words.append(": done");
  } catch (error) {
    words.textContent = error.name === "AbortError" ? "Cancelled" : "The download broke off: try again";
  }
  button.hidden = true;
}

on("click", (event) => {
  const link = event.target.closest("a[data-export]");
  if (!link) return;
  event.preventDefault();
  $("#downloads").hidePopover();
  const box = $("#export");
  box.hidden = box.children[1].hidden = false;
  download(link, box.children);
});
