// Rows that are picked stay picked, whatever the push does to them: the pushed row knows nothing of this browser's ticks.

import { $, $$, on } from "./shared.js";

const rows = $("#rows");
const all = $("[data-pick-all]");
const button = $("[data-picked]");
const picked = new Set();

const boxes = () => $$("[name=uid]:enabled", rows);

function show() {
  const found = boxes();
  const shown = new Set(found.map((box) => box.value));
  picked.forEach((uid) => shown.has(uid) || picked.delete(uid)); // it ended, or left the table: out of sight is not picked
  found.forEach((box) => (box.checked = picked.has(box.value)));
  all.checked = picked.size > 0 && picked.size === found.length;
  all.indeterminate = picked.size > 0 && !all.checked;
  button.disabled = !picked.size;
  button.textContent = picked.size ? `End ${picked.size} picked…` : "End picked…";
}

if (button) {
  on("change", ({ target }) => {
    if (target === all) boxes().forEach((box) => (all.checked ? picked.add(box.value) : picked.delete(box.value)));
    else if (target.name === "uid") target.checked ? picked.add(target.value) : picked.delete(target.value);
    else return;
    show();
  });
  on("htmx:ws:after:message:incoming", show);
  boxes().forEach((box) => box.checked && picked.add(box.value)); // a reload keeps ticks
  show();
}
