// The charts of the KPI page: uPlot draws, the address holds the range, a click opens the calls behind a point.

/* global uPlot */

const EVERY_MS = 10000; // a new sample comes this often
const HEIGHT = 190;
const box = document.getElementById("charts");
const plots = new Map(); // chart -> [its plot, its data]

const token = (name) => {
  box.style.outlineColor = `var(--${name})`; // light-dark() is resolved where it is used
  return getComputedStyle(box).outlineColor;
};
const utc = (seconds) => `${new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ")}Z`;
const clock = (plot, times) => times.map((at) => new Date(at * 1000).toLocaleTimeString("en-GB").replace(/:00$/, ""));
const said = (unit) => (plot, value) => (value == null ? "–" : `${value.toLocaleString("en", { maximumFractionDigits: 2 })}${unit === "calls" ? "" : ` ${unit}`}`);
const columns = (chart) => [chart.at, ...chart.series.map((line) => line.values)];

// The zoom is a place to go to: it can be shared, reloaded, and left with "back".
function zoom(plot) {
  const { left, width } = plot.select;
  if (width < 8) return;
  const [since, until] = [left, left + width].map((x) => Math.round(plot.posToVal(x, "x")));
  location.search = `?since=${since}&until=${Math.max(until, since + 30)}`;
}

function open(plot, chart) {
  const { idx, top } = plot.cursor;
  if (idx == null || plot.select.width >= 8) return;
  const far = (line) => Math.abs(plot.valToPos(line.values[idx] ?? Infinity, "y") - top);
  const line = chart.series.reduce((best, one) => (far(one) < far(best) ? one : best));
  const until = chart.at[idx];
  const query = (line.calls || 'begun = "WHEN"').replace("WHEN", `${utc(until - chart.step)}..${utc(until - 1)}`).replaceAll("AT", utc(until));
  location.href = `${box.dataset.calls}?${new URLSearchParams({ q: query })}`;
}

function draw(chart) {
  const place = document.getElementById(`chart-${chart.name}`);
  const grid = { stroke: token("line"), width: 1 };
  const axis = { stroke: token("dim"), grid, ticks: grid, font: "11px system-ui" };
  const most = chart.series[0].unit === "%" ? 100 : 1;
  const options = {
    width: place.clientWidth - 16,
    height: HEIGHT,
    cursor: { drag: { setScale: false }, sync: { key: "kpis" } },
    scales: { y: { range: (plot, low, high) => [0, Math.max(high ?? 0, most) * 1.05] } },
    axes: [{ ...axis, values: clock, space: 80 }, axis],
    series: [
      { label: "At", value: (plot, at) => (at ? new Date(at * 1000).toLocaleString("en-GB") : "–") },
      ...chart.series.map((line) => ({ label: line.title, stroke: token(line.tone), width: 1.6, points: { show: false }, value: said(line.unit) })),
    ],
    hooks: { setSelect: [zoom] },
  };
  const plot = new uPlot(options, columns(chart), place);
  plot.over.addEventListener("click", () => open(plot, plots.get(chart.name)[1]));
  plot.over.addEventListener("dblclick", () => (location.search = ""));
  return plot;
}

async function load() {
  const answer = await fetch(box.dataset.source + location.search);
  if (answer.ok) {
    const found = await answer.json();
    document.getElementById("no-samples").hidden = found.charts[0].at.length > 0;
    for (const chart of found.charts) {
      const plot = plots.get(chart.name)?.[0];
      plot?.setData(columns(chart));
      plots.set(chart.name, [plot ?? draw(chart), chart]);
    }
  }
  if (!location.search.includes("until")) setTimeout(load, EVERY_MS);
}

addEventListener("resize", () => plots.forEach(([plot], name) => plot.setSize({ width: document.getElementById(`chart-${name}`).clientWidth - 16, height: HEIGHT })));
new MutationObserver(() => location.reload()).observe(document.documentElement, { attributeFilter: ["data-theme"] }); // canvas knows no tokens
load();
