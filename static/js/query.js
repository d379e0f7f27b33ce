// The search box completes what can be asked; the browser's own time zone can be chosen; downloads show how far they are.

const TOKEN = /"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[!<>=~]+|[(),]|[^\s(),!<>=~"']+/g;
const NOT = { "=": "!=", "~": "!~", startswith: "not startswith", endswith: "not endswith", in: "not in" };
const OPERATOR = /^([!<>=~]+|startswith|endswith|in|,)$/i;

let schema;
const load = async (input) => (schema ??= await (await fetch(input.dataset.complete)).json());
const fieldOf = (name) => schema.find((field) => field.name === name?.toLowerCase());

// Returns what could stand at the end of a text: [text, meaning] each, and how many characters of it are there already.
function offers(text) {
  const tokens = text.match(TOKEN) ?? [];
  const typing = /\s$/.test(text) || !tokens.length || /^[(),!<>=~]/.test(tokens.at(-1)) ? "" : tokens.pop();
  const last = tokens.at(-1);
  const named = tokens.findLast(fieldOf);
  let found = [];
  if (!last || /^(and|or|not|\()$/i.test(last)) found = schema.map((field) => [field.name, field.means]);
  else if (fieldOf(last)) found = fieldOf(last).ops.flatMap((op) => [op, NOT[op]].filter(Boolean).map((word) => [word, ""]));
  else if (OPERATOR.test(last)) found = (fieldOf(named)?.values ?? []).map((value) => [/^\d+$/.test(value) ? value : `"${value}"`, ""]);
  else if (named) found = [["and", "both"], ["or", "one of them"]];
  const start = typing.replace(/^["']/, "").toLowerCase();
  return { typing, found: found.filter(([word]) => word.replace(/"/g, "").startsWith(start) && word !== typing).slice(0, 12) };
}

function complete(input) {
  const list = document.createElement("ul");
  list.id = `${input.name}-offers`;
  list.className = "offers";
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "What can be asked");
  input.after(list);
  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"], ["aria-controls", list.id]]) input.setAttribute(name, value);
  let at = -1;
  let here = { typing: "", found: [] };

  const show = (found) => {
    at = -1;
    list.replaceChildren(...found.map(([word, means], i) => {
      const item = document.createElement("li");
      item.id = `${list.id}-${i}`;
      item.setAttribute("role", "option");
      item.append(Object.assign(document.createElement("b"), { textContent: word }), ` ${means}`);
      return item;
    }));
    list.hidden = !found.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    input.removeAttribute("aria-activedescendant");
  };
  const look = async (always) => {
    await load(input);
    here = offers(input.value.slice(0, input.selectionStart));
    show(always || here.typing || /[=~<>(]\s*$|\s$/.test(input.value) ? here.found : []);
  };
  const take = (i) => {
    const caret = input.selectionStart;
    input.setRangeText(`${here.found[i][0]} `, caret - here.typing.length, caret, "end");
    input.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const point = (step) => {
    at = (at + step + here.found.length) % here.found.length;
    [...list.children].forEach((item, i) => item.setAttribute("aria-selected", i === at));
    list.children[at].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", list.children[at].id);
  };
  input.addEventListener("input", () => look());
  input.addEventListener("blur", () => show([]));
  list.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    const item = event.target.closest("li");
    if (item) take([...list.children].indexOf(item));
  });
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && list.hidden) look(true);
    else if (step) point(step);
    else if (["Enter", "Tab"].includes(event.key) && at >= 0) take(at);
    else if (event.key === "Escape" && !list.hidden) show([]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

document.querySelectorAll("input[data-complete]").forEach(complete);

// "This browser's zone" is a choice that only the browser can name.
for (const select of document.querySelectorAll("select[name=zone]")) {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (![...select.options].some((option) => option.value === own)) select.add(new Option(`${own} (browser)`, own));
  select.addEventListener("change", () => select.form.requestSubmit());
}

// A download as it comes: what is there is counted, and it can be stopped. The link alone does the same without a figure.
async function download(link) {
  const box = document.getElementById("export");
  const stop = new AbortController();
  const [words, button] = box.children;
  button.onclick = () => stop.abort();
  box.hidden = false;
  try {
    const answer = await fetch(link.href, { signal: stop.signal });
    const parts = [];
    let [size, lines] = [0, 0];
    for await (const part of answer.body) {
      parts.push(part);
      size += part.length;
      if (!link.href.includes(".pcapng")) for (const byte of part) lines += byte === 10;
      const calls = lines ? `${Math.max(0, lines - 1).toLocaleString("en")}${link.dataset.total ? ` of ${(+link.dataset.total).toLocaleString("en")}` : ""} calls, ` : "";
      words.textContent = `${calls}${(size / 1e6).toFixed(1)} MB`;
    }
    const name = answer.headers.get("content-disposition")?.match(/filename="([^"]+)"/)?.[1] ?? "calls";
    const url = URL.createObjectURL(new Blob(parts));
    Object.assign(document.createElement("a"), { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    words.textContent = `${words.textContent}: done`;
  } catch (error) {
    words.textContent = error.name === "AbortError" ? "Cancelled" : "The download broke off: try again";
  }
  button.hidden = true;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-export]");
  if (!link) return;
  event.preventDefault();
  link.closest("details")?.removeAttribute("open");
  document.getElementById("export").lastElementChild.hidden = false;
  download(link);
});
