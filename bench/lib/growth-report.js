const fs = require("node:fs");
const path = require("node:path");
const { intoDocument, markdown, mergeJson, provenance, spread } = require("./document");
const { plot } = require("./plot");
const { DOCUMENT, IMAGES, RESULTS } = require("./places");

/** One row for each point, one column for each series. */
function growthTable({ x, series, points }) {
  const head = [x.name, ...series.map(({ title, unit }) => `${title}, ${unit}`)];
  const rows = points.map(({ x: at, values }) => [
    at.toLocaleString("en"),
    ...series.map(({ name }) => (values[name] ? spread(values[name]) : "–")),
  ]);
  return markdown(head, rows);
}

/** CPU by process for each task (fan-out: response), where measured. */
function cpuLines({ points }) {
  return points
    .filter(({ cpuMicros }) => cpuMicros.at(-1) && typeof Object.values(cpuMicros.at(-1))[0] === "number")
    .map(({ x, cpuMicros }) => {
      const each = Object.entries(cpuMicros.at(-1)).map(([name, micros]) => `${name} ${micros}`);
      return `${x.toLocaleString("en")}: ${each.join(", ")}`;
    });
}

/** One picture for each unit, since different units share no axis. */
function growthPlots({ name, title, x, series, points }) {
  return [...new Set(series.map(({ unit }) => unit))].map((unit) => {
    const shown = series.filter((one) => one.unit === unit);
    const lines = shown.map((one) => ({
      name: one.title,
      points: points
        .filter(({ values }) => values[one.name])
        .map(({ x: at, values }) => ({
          x: at,
          y: values[one.name].median,
          min: values[one.name].min,
          max: values[one.name].max,
        })),
    }));
    const file = `growth-${name}-${unit.replace(/\/s$/, "").toLowerCase()}.svg`;
    const heading = lines.length === 1 ? `${title}: ${lines[0].name}` : title;
    return { file, alt: `${heading}, ${unit}`, svg: plot({ title: heading, x, y: { name: unit }, lines }) };
  });
}

/** Throughput with the most tasks as a share of that with empty tables. */
function kept({ name, points }) {
  if (name !== "tables" || points.length < 2) return null;
  const shares = ["single", "batch", "read", "list"].map((one) => {
    const [first, last] = [points[0].values[one].median, points.at(-1).values[one].median];
    return `${one} ${Math.round((last / first) * 100)} %`;
  });
  return `With ${points.at(-1).x.toLocaleString("en")} tasks in the tables there is left of the throughput with none: ${shares.join(", ")} (wanted: 90 %).`;
}

/** Adds the measured parts to the results, and all results to the document and its pictures. */
function writeGrowth(parts) {
  const order = ["tables", "endpoints", "payload", "managers", "apis"];
  const { growth } = mergeJson(RESULTS, (before) => ({
    growth: { ...before.growth, ...Object.fromEntries(parts.map((part) => [part.name, part])) },
  }));
  const text = order
    .filter((name) => growth[name])
    .map((name) => {
      const part = growth[name];
      const plots = growthPlots(part);
      for (const { file, svg } of plots) fs.writeFileSync(path.join(IMAGES, file), svg);
      const cpu = cpuLines(part);
      return [
        `### ${part.title}`,
        `${part.note} ${provenance(part)} ${part.rounds} rounds of ${part.seconds} s; median (least–most).`,
        growthTable(part),
        kept(part),
        cpu.length > 0 ? `CPU microseconds each, by process: ${cpu.join("; ")}.` : null,
        plots.map(({ file, alt }) => `![${alt}](images/${file})`).join("\n"),
      ]
        .filter(Boolean)
        .join("\n\n");
    });
  intoDocument(DOCUMENT, "growth", text.join("\n\n"));
}

module.exports = { growthPlots, growthTable, kept, writeGrowth };
