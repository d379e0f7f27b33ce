// What several modules need: elements, notices, steps from one element to the next, choices that a browser keeps.

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
export const on = (type, act, options) => document.addEventListener(type, act, options);
export const STEPS = { ArrowDown: 1, ArrowUp: -1 };

// The next of some elements, not beyond their ends; from none of them the first or the last.
export function beside(all, here, by) {
  const at = all.indexOf(here);
  return at < 0 ? all.at(by > 0 ? 0 : -1) : (all[Math.max(0, at + by)] ?? here);
}

// The focus goes on to the next of some elements, in a circle.
export const around = (all, by) => all.at((all.indexOf(document.activeElement) + by) % all.length).focus();

// Words in a live region, for a while.
export function say(text, ms = 2500, box = $("#toast")) {
  box.textContent = text;
  clearTimeout(box.timer);
  box.timer = setTimeout(() => (box.textContent = ""), ms);
}

// A cookie, for the server writes the theme into the page: no flash of the wrong one, and no script before the first paint.
export const keep = (name, value) => (document.cookie = `dialtap_${name}=${value}; path=/; max-age=31536000; samesite=lax`);
