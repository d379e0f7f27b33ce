// The search box completes what can be asked; the browser's own zone can be chosen; downloads show how far they are.

const TOKEN = /"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[!<>=~]+|[(),]|[^\s(),!<>=~"']+/g;
const NOT = { "=": "!=", "~": "!~", startswith: "not startswith", endswith: "not endswith", in: "not in" };
let fields;
const fieldOf = (name) => fields.find((field) => field.name === name?.toLowerCase());
const make = (tag, parts) => Object.assign(document.createElement(tag), parts);

// What could stand at the end of a text ([words, meaning] each), and what of it is there already.
function offers(text) {
  const tokens = text.match(TOKEN) ?? [];
  const typing = /\s$/.test(text) || /^([(),!<>=~]|$)/.test(tokens.at(-1) ?? "") ? "" : tokens.pop();
  const last = tokens.at(-1);
  const named = fieldOf(tokens.findLast(fieldOf));
  let found = named ? [["and", ""], ["or", ""]] : [];
  if (!last || /^(and|or|not|\()$/i.test(last)) found = fields.map(({ name, means }) => [name, means]);
  else if (fieldOf(last)) found = named.ops.flatMap((op) => (NOT[op] ? [[op, ""], [NOT[op], ""]] : [[op, ""]]));
  else if (/^([!<>=~]+|startswith|endswith|in|,)$/i.test(last)) found = (named?.values ?? []).map((value) => [`"${value}"`, ""]);
  const start = typing.replace(/^["']/, "").toLowerCase();
  return [typing, found.filter(([word]) => word.replace(/^"/, "").startsWith(start) && word !== typing).slice(0, 12)];
}

for (const input of document.querySelectorAll("input[data-complete]")) {
  const list = make("ul", { id: "offers", className: "offers", hidden: true, role: "listbox", ariaLabel: "What can be asked" });
  input.after(list);
  Object.assign(input, { role: "combobox", ariaAutoComplete: "list", ariaExpanded: "false" }).setAttribute("aria-controls", "offers");
  let [at, typing, found] = [-1, "", []];

  const show = (shown) => {
    at = -1;
    list.replaceChildren(...shown.map(([word, means], i) => {
      const item = make("li", { id: `offer-${i}`, role: "option", textContent: ` ${means}` });
      item.prepend(make("b", { textContent: word }));
      return item;
    }));
    list.hidden = !shown.length;
    input.ariaExpanded = String(!list.hidden);
    input.removeAttribute("aria-activedescendant");
  };
  const look = async (always) => {
    fields ??= await (await fetch(input.dataset.complete)).json();
    const text = input.value.slice(0, input.selectionStart);
    [typing, found] = offers(text);
    show(always || typing || /[=~<>(\s]$/.test(text) ? found : []);
  };
  const take = (i) => {
    input.setRangeText(`${found[i][0]} `, input.selectionStart - typing.length, input.selectionStart, "end");
    input.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const point = (step) => {
    at = (at + step + found.length) % found.length;
    [...list.children].forEach((item, i) => (item.ariaSelected = String(i === at)));
    list.children[at].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", `offer-${at}`);
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
    if (step) list.hidden ? look(true) : point(step);
    else if (at >= 0 && ["Enter", "Tab"].includes(event.key)) take(at);
    else if (event.key === "Escape") list.hidden ? input.blur() : show([]); // a browser would empty the box
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

for (const select of document.querySelectorAll("select[name=zone]")) {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (![...select.options].some(({ value }) => value === own)) select.add(new Option(`${own} (browser)`, own));
  select.addEventListener("change", () => select.form.requestSubmit());
}

// A download as it comes: counted, and stopped by a click. The link alone does the same without a figure.
async function download(link, [words, button]) {
  const stop = new AbortController();
  button.onclick = () => stop.abort();
  try {
    const answer = await fetch(link.href, { signal: stop.signal });
    if (!answer.ok) throw answer;
    const parts = [];
    let [size, lines] = [0, -1];
    for await (const part of answer.body) {
      parts.push(part);
      size += part.length;
      for (const byte of part) lines += byte === 10;
      const of = link.dataset.total && ` of ${link.dataset.total}`;
      words.textContent = `${link.dataset.export ? `${Math.max(0, lines)}${of} calls, ` : ""}${(size / 1e6).toFixed(1)} MB`;
    }
    const href = URL.createObjectURL(new Blob(parts));
    make("a", { href, download: answer.headers.get("content-disposition").split('"')[1] }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
    words.append(": done");
  } catch (error) {
    words.textContent = error.name === "AbortError" ? "Cancelled" : "The download broke off: try again";
  }
  button.hidden = true;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-export]");
  if (!link) return;
  event.preventDefault();
  link.closest("details").open = false;
  const box = document.getElementById("export");
  box.hidden = box.children[1].hidden = false;
  download(link, box.children);
});
