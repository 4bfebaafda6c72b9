// Draws what the tables below say. Without this script the tables are all there is.
const ZONE = "Europe/Brussels";
const charts = document.getElementById("charts");
const style = getComputedStyle(document.documentElement);
const colour = (name) => style.getPropertyValue(`--${name}`).trim();

// A pause longer than two reports is shown as one, not bridged by a line.
function withPauses(at, ...columns) {
  const out = [[], ...columns.map(() => [])];
  at.forEach((second, i) => {
    if (i && second - at[i - 1] > 900) {
      out[0].push(at[i - 1] + 300);
      columns.forEach((_, c) => out[c + 1].push(null));
    }
    out[0].push(second);
    columns.forEach((column, c) => out[c + 1].push(column[i]));
  });
  return out;
}

function draw(place, span, data, series) {
  const labels = place.dataset.labels.split("|");
  const axis = { stroke: colour("soft"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line") } };
  const size = () => ({ width: place.clientWidth, height: 180 });
  const chart = new uPlot({
    ...size(),
    tzDate: (second) => uPlot.tzDate(new Date(second * 1000), ZONE),
    axes: [{
      ...axis,
      values: (_chart, splits, _axis, _space, step) => splits.map((second) => written(second, step)),
    }, { ...axis, size: 56 }],
    scales: { x: { range: () => span }, y: { range: (_chart, low, high) => [Math.min(0, low ?? 0), Math.max(1, high ?? 1)] } },
    series: [
      { label: labels[0], value: (_chart, second) => (second == null ? "–" : written(second, 0)) },
      ...series.map((each, i) => ({ label: labels[i + 1], width: 2, points: { size: 5 }, ...each })),
    ],
  }, data, place);
  new ResizeObserver(() => chart.setSize(size())).observe(place);
}

// `step` is the seconds between two marks of an axis; 0: a moment by itself.
function written(second, step) {
  const write = (options) =>
    new Intl.DateTimeFormat(document.documentElement.lang, { timeZone: ZONE, hourCycle: "h23", ...options }).format(second * 1000);
  if (!step) return write({ dateStyle: "medium", timeStyle: "short" });
  const hour = write({ hour: "2-digit", minute: "2-digit" });
  return step >= 86400 || hour === "00:00" ? write({ day: "numeric", month: "short" }) : hour;
}

if (charts) {
  fetch(charts.dataset.source).then((answer) => (answer.ok ? answer.json() : null)).then((found) => {
    if (!found) return;
    charts.hidden = false;
    const bars = uPlot.paths.bars({ size: [0.8, 24] });
    const place = (name) => charts.querySelector(`[data-chart="${name}"]`);
    const span = [found.taps.at[0] - 1800, found.taps.at.at(-1) + 3600];
    const lost = new Map(found.unreadable.at.map((second, i) => [second, found.unreadable.count[i]]));
    draw(place("taps"), span, [found.taps.at, found.taps.count, found.taps.at.map((second) => lost.get(second) ?? 0)], [
      { stroke: colour("accent"), fill: colour("accent"), paths: bars, points: { show: false } },
      { stroke: colour("bad"), width: 2, points: { show: false } },
    ]);
    draw(place("queue"), span, withPauses(found.told.at, found.told.queue), [
      { stroke: colour("accent"), fill: colour("accent-ground") },
    ]);
    draw(place("delays"), span, withPauses(found.told.at, found.told.receipt_ms, found.told.clock_ms), [
      { stroke: colour("accent") }, { stroke: colour("warn"), dash: [6, 4] },
    ]);
    charts.dataset.drawn = "yes";
  });
}
