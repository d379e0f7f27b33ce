// Injected by the test before any page script: writes down when the live table's rows change. Every entry is {at, uid, number, word, since};
// word is "" when the row has left; <html data-left> counts the calls that have. `at` is the browser's clock in milliseconds: the same machine's as the capture's.

window.recorded = [];
const shown = new Map();

function look() {
  const at = Date.now();
  const present = new Set();
  for (const row of document.querySelectorAll("#rows > tr")) {
    const uid = row.dataset.uid;
    const word = row.querySelector(".state").textContent.trim();
    present.add(uid);
    if (shown.get(uid)?.word === word) continue;
    const entry = {
      uid,
      word,
      number: row.querySelectorAll(".who")[1].textContent,
      since: row.querySelector("[data-since-ns]")?.dataset.sinceNs ?? "",
    };
    shown.set(uid, entry);
    window.recorded.push({ at, ...entry });
  }
  for (const [uid, entry] of shown) {
    if (present.has(uid)) continue;
    shown.delete(uid);
    window.recorded.push({ ...entry, at, word: "" });
    document.documentElement.dataset.left = new Set(window.recorded.filter((one) => !one.word).map((one) => one.uid)).size;
  }
}

new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
