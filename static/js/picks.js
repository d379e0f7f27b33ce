// How many rows are picked. Morphing leaves the state of fields alone, so ticks stay; a row that went takes its own along.

import { $, $$, on } from "./shared.js";

const all = $("[data-pick-all]");
const button = $("[data-picked]");
const boxes = () => $$("#rows [name=uid]:enabled");

function show() {
  const found = boxes();
  const picked = found.filter((box) => box.checked).length;
  all.checked = picked > 0 && picked === found.length;
  all.indeterminate = picked > 0 && !all.checked;
  button.disabled = !picked;
  button.textContent = picked ? `End ${picked} picked…` : "End picked…";
}

if (button) {
  on("change", ({ target }) => {
    if (target === all) boxes().forEach((box) => (box.checked = all.checked));
    show();
  });
  on("htmx:ws:after:message:incoming", show);
  show();
}
