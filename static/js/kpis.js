// The charts: uPlot draws, the address holds the range, a click opens the calls behind a point.

import { $, on } from "./shared.js";

const box = $("#charts");
const plots = {}; // by chart; each has its newest data as `chart`

const token = (name) => {
  box.style.outlineColor = `var(--${name})`; // light-dark() is resolved where it is used
  return getComputedStyle(box).outlineColor;
};
const size = (name) => ({ width: $(`#chart-${name}`).clientWidth - 16, height: 190 });
const date = (seconds) => new Date(seconds * 1000);
const clock = (plot, times) => times.map((at) => date(at).toLocaleTimeString("en-GB").replace(/:00$/, ""));
const said = (unit) => (plot, value) => (value == null ? "–" : `${+value.toFixed(2)}${unit === "calls" ? "" : ` ${unit}`}`);
const columns = (chart) => [chart.at, ...chart.series.map((line) => line.values)];

// The zoom is a place to go to: it can be shared, reloaded, and left with "back".
function zoom(plot) {
  const { left, width } = plot.select;
  const [since, until] = [left, left + width].map((x) => Math.round(plot.posToVal(x, "x")));
  if (width >= 8) location.search = `?since=${since}&until=${Math.max(until, since + 30)}`;
}

// The calls of the line nearest to the click.
function open(plot) {
  const { at, series, step } = plot.chart;
  const { idx, top } = plot.cursor;
  if (idx == null || plot.select.width >= 8) return;
  const far = (line) => Math.abs(plot.valToPos(line.values[idx] ?? Infinity, "y") - top);
  const { name } = series.reduce((best, one) => (far(one) < far(best) ? one : best));
  location.href = `calls?name=${name}&at=${at[idx]}&step=${step}`;
}

function draw(chart) {
  const grid = { stroke: token("line"), width: 1 };
  const axis = { stroke: token("dim"), grid, ticks: grid, font: "11px system-ui" };
  const most = chart.series[0].unit === "%" ? 100 : 1;
  const options = {
    ...size(chart.name),
    cursor: { drag: { setScale: false }, sync: { key: "kpis" } },
    scales: { y: { range: (plot, low, high) => [0, Math.max(high ?? 0, most) * 1.05] } },
    axes: [{ ...axis, values: clock, space: 80 }, axis],
    series: [
      { label: "At", value: (plot, at) => (at ? date(at).toLocaleString("en-GB") : "–") },
      ...chart.series.map(({ title, tone, unit }) => ({ label: title, stroke: token(tone), width: 1.6, points: { show: false }, value: said(unit) })),
    ],
    hooks: { setSelect: [zoom] },
  };
  const plot = new uPlot(options, columns(chart), $(`#chart-${chart.name}`));
  on("click", () => open(plot), plot.over);
  on("dblclick", () => (location.search = ""), plot.over);
  return plot;
}

async function load() {
  const answer = await fetch(`data${location.search}`);
  if (answer.ok) {
    const { charts } = await answer.json();
    $("#no-samples").hidden = charts[0].at.length > 0;
    for (const chart of charts) {
      const plot = (plots[chart.name] ??= draw(chart));
      plot.chart = chart;
      plot.setData(columns(chart));
    }
  }
  if (!location.search.includes("until")) setTimeout(load, 10_000); // a new sample comes this often
}

addEventListener("resize", () => Object.entries(plots).forEach(([name, plot]) => plot.setSize(size(name))));
load();
