const fs = require("node:fs");

/** A Markdown table. */
function markdown(head, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** For people: 1,234, 12.3, 0.45. */
function number(value) {
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** `median (least–most)`. */
function spread({ median, min, max }, unit = "") {
  return `${number(median)}${unit && ` ${unit}`} (${number(min)}–${number(max)})`;
}

/** Puts `text` between `<!-- NAME: from here -->` and `<!-- NAME: to here -->`; the rest of the file stays. */
function intoDocument(file, name, text) {
  const begin = `<!-- ${name}: from here -->`;
  const end = `<!-- ${name}: to here -->`;
  const whole = fs.readFileSync(file, "utf8");
  const from = whole.indexOf(begin);
  const to = whole.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${file} has no place for the results: ${begin} … ${end}.`);
  fs.writeFileSync(file, `${whole.slice(0, from + begin.length)}\n\n${text}\n\n${whole.slice(to)}`);
}

/** Replaces some parts of a JSON file of results and keeps the others. */
function mergeJson(file, change) {
  const before = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")) : {};
  const after = { ...before, ...change(before) };
  fs.writeFileSync(file, `${JSON.stringify(after, null, 1)}\n`);
  return after;
}

/** `Measured …, on 2 cores of …`. */
function provenance({ at, machine, quick, loadAtStart }) {
  const { cpu, cores, memoryGb, system, load } = machine;
  const shown = `${at.slice(0, 16).replace("T", " ")} UTC`;
  return `Measured ${shown}${quick ? " (quick)" : ""}, on ${cores} cores of ${cpu}, ${memoryGb} GB, ${system}; load average at the start ${loadAtStart?.join(", ") ?? "unknown"}, at the end ${load.join(", ")}.`;
}

module.exports = { intoDocument, markdown, mergeJson, number, provenance, spread };
