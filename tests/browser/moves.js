// Injected by the test before any page script: writes down the layout shifts, as the browser counts them, and each move of a row that was there before.

window.shifts = [];
new PerformanceObserver((list) => list.getEntries().forEach((entry) => entry.hadRecentInput || window.shifts.push({ at: entry.startTime, value: entry.value, what: entry.sources.map(({ node }) => node?.id || node?.className || node?.nodeName) }))).observe({ type: "layout-shift", buffered: true });

// CLS as web.dev defines it: the largest sum of a session, whose shifts are less than 1 s apart and which is 5 s long at most.
window.cls = () => {
  let worst = 0;
  let sum = 0;
  let first = -Infinity;
  let last = -Infinity;
  for (const { at, value } of window.shifts) {
    if (at - last > 1000 || at - first > 5000) [sum, first] = [0, at];
    sum += value;
    last = at;
    worst = Math.max(worst, sum);
  }
  return worst;
};

window.places = () => Object.fromEntries([...document.querySelectorAll("#rows > tr")].map((row) => [row.dataset.uid, Math.round(row.getBoundingClientRect().top)]));
