// The charts of the KPI page: uPlot draws, the address holds the range, a click opens the calls behind a point.

/* global uPlot */

const EVERY_MS = 10000; // a new sample comes this often
const HEIGHT = 190;
const box = document.getElementById("charts");
const place = (name) => document.getElementById(`chart-${name}`);
const plots = new Map(); // chart -> [its plot, its data]

const token = (name) => {
  box.style.outlineColor = `var(--${name})`; // light-dark() is resolved where it is used
  return getComputedStyle(box).outlineColor;
};
const time = (at) => new Date(at * 1000).toLocaleTimeString("en-GB");
const said = (unit) => (plot, value) => (value == null ? "–" : `${+value.toFixed(2)}${unit === "calls" ? "" : ` ${unit}`}`);
const columns = (chart) => [chart.at, ...chart.series.map((line) => line.values)];
const size = (name) => ({ width: place(name).clientWidth - 16, height: HEIGHT });

// The zoom is a place to go to: it can be shared, reloaded, and left with "back".
function zoom(plot) {
  const { left, width } = plot.select;
  const [since, until] = [left, left + width].map((x) => Math.round(plot.posToVal(x, "x")));
  if (width >= 8) location.search = `?since=${since}&until=${Math.max(until, since + 30)}`;
}

function open(plot, chart) {
  const { idx, top } = plot.cursor;
  if (idx == null || plot.select.width >= 8) return;
  const far = (line) => Math.abs(plot.valToPos(line.values[idx] ?? Infinity, "y") - top);
  const { name } = chart.series.reduce((best, one) => (far(one) < far(best) ? one : best));
  location.href = `calls?${new URLSearchParams({ name, at: chart.at[idx], step: chart.step })}`;
}

function draw(chart) {
  const { name, series } = chart;
  const grid = { stroke: token("line"), width: 1 };
  const axis = { stroke: token("dim"), grid, ticks: grid, font: "11px system-ui" };
  const most = series[0].unit === "%" ? 100 : 1;
  const options = {
    ...size(name),
    cursor: { drag: { setScale: false }, sync: { key: "kpis" } },
    scales: { y: { range: (plot, low, high) => [0, Math.max(high ?? 0, most) * 1.05] } },
    axes: [{ ...axis, values: (plot, times) => times.map(time), space: 80 }, axis],
    series: [
      { label: "At", value: (plot, at) => (at ? time(at) : "–") },
      ...series.map(({ title, tone, unit }) => ({ label: title, stroke: token(tone), width: 1.6, points: { show: false }, value: said(unit) })),
    ],
    hooks: { setSelect: [zoom] },
  };
  const plot = new uPlot(options, columns(chart), place(name));
  plot.over.onclick = () => open(plot, plots.get(name)[1]);
  plot.over.ondblclick = () => (location.search = "");
  return plot;
}

async function load() {
  const answer = await fetch(`data${location.search}`);
  if (answer.ok) {
    const { charts } = await answer.json();
    document.getElementById("no-samples").hidden = charts[0].at.length > 0;
    for (const chart of charts) {
      const plot = plots.get(chart.name)?.[0];
      plot?.setData(columns(chart));
      plots.set(chart.name, [plot ?? draw(chart), chart]);
    }
  }
  if (!location.search.includes("until")) setTimeout(load, EVERY_MS);
}

addEventListener("resize", () => plots.forEach(([plot], name) => plot.setSize(size(name))));
new MutationObserver(() => location.reload()).observe(document.documentElement, { attributeFilter: ["data-theme"] }); // canvas knows no tokens
load();
