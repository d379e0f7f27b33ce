// The charts of the KPI page: uPlot draws, the address holds the range, a click opens the calls behind a point.

/* global uPlot */

const box = document.getElementById("charts");
const EVERY_MS = 10000; // a new sample comes this often
const drawn = [];
let step = 10;

const token = (name) => {
  box.style.outlineColor = `var(--${name})`; // light-dark() is resolved where it is used
  return getComputedStyle(box).outlineColor;
};

const said = (unit) => (plot, value) => (value === null || value === undefined ? "–" : `${value.toLocaleString("en", { maximumFractionDigits: 2 })}${unit === "calls" ? "" : ` ${unit}`}`);
const utc = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ") + "Z";

// The zoom is a place to go to: it can be shared, reloaded and left with "back".
function zoom(plot) {
  const { left, width } = plot.select;
  if (width < 8) return;
  const [since, until] = [left, left + width].map((x) => Math.round(plot.posToVal(x, "x")));
  location.search = `?since=${since}&until=${Math.max(until, since + 3 * step)}`;
}

function open(plot, chart) {
  const { idx, top } = plot.cursor;
  if (idx === null || idx === undefined || plot.select.width > 2) return;
  const near = (line, i) => Math.abs(plot.valToPos(line.values[idx] ?? Infinity, "y") - top);
  const line = chart.series.reduce((best, one) => (near(one) < near(best) ? one : best));
  const until = chart.at[idx];
  const when = `${utc(until - (chart.at[1] - chart.at[0] || step))}..${utc(until - 1)}`;
  const query = (line.calls || 'begun = "WHEN"').replaceAll("WHEN", when).replaceAll("AT", utc(until));
  location.href = `${box.dataset.calls}?${new URLSearchParams({ q: query })}`;
}

function draw(chart) {
  const place = document.getElementById(`chart-${chart.name}`);
  const grid = { stroke: token("line"), width: 1 };
  const axis = { stroke: token("dim"), grid, ticks: grid, font: "11px system-ui" };
  const options = {
    width: place.clientWidth,
    height: 190,
    cursor: { drag: { setScale: false }, sync: { key: "kpis" } },
    scales: { y: { range: (plot, low, high) => [0, Math.max(high ?? 0, chart.series[0].unit === "%" ? 100 : 1) * 1.05] } },
    axes: [axis, { ...axis, size: 56 }],
    series: [
      { value: (plot, at) => (at ? new Date(at * 1000).toLocaleTimeString() : "–") },
      ...chart.series.map((line) => ({ label: line.title, stroke: token(line.tone), width: 1.6, points: { show: false }, value: said(line.unit) })),
    ],
    hooks: { setSelect: [zoom], ready: [(plot) => plot.over.addEventListener("click", () => open(plot, plot.chart))] },
  };
  const plot = new uPlot(options, [chart.at, ...chart.series.map((line) => line.values)], place);
  plot.over.addEventListener("dblclick", () => (location.search = ""));
  drawn.push([chart.name, plot]);
  plot.chart = chart;
}

async function load() {
  const answer = await fetch(box.dataset.source + location.search);
  if (!answer.ok) return;
  const found = await answer.json();
  step = found.step;
  document.getElementById("no-samples").hidden = found.charts[0].at.length > 0;
  for (const chart of found.charts) {
    const known = drawn.find(([name]) => name === chart.name)?.[1];
    if (!known) draw(chart);
    else {
      known.chart = chart;
      known.setData([chart.at, ...chart.series.map((line) => line.values)]);
    }
  }
  if (!new URLSearchParams(location.search).has("until")) setTimeout(load, EVERY_MS);
}

function redraw() {
  for (const [, plot] of drawn.splice(0)) {
    const { chart } = plot;
    plot.destroy();
    draw(chart);
  }
}

addEventListener("resize", () => drawn.forEach(([name, plot]) => plot.setSize({ width: document.getElementById(`chart-${name}`).clientWidth, height: 190 })));
new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
load();
