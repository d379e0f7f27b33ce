// What several modules need: elements, keys, notices, what a browser keeps.

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
export const on = (type, act, target = document) => target?.addEventListener(type, act);

// A key that was pressed alone.
export const plain = (event) => !(event.ctrlKey || event.metaKey || event.altKey);

// The next of some elements, not beyond their ends; from none of them the first or the last.
export function beside(all, here, by) {
  const at = all.indexOf(here);
  return at < 0 ? all.at(by > 0 ? 0 : -1) : (all[Math.max(0, at + by)] ?? here);
}

// A short notice, which screen readers read too.
export function say(text, ms = 2500) {
  const box = $("#toast");
  box.textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => (box.textContent = ""), ms);
}

// A cookie: the server writes the theme into the page, so no wrong one flashes up.
export const keep = (name, value) => (document.cookie = `dialtap_${name}=${value}; path=/; max-age=31536000; samesite=lax`);
