const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { ROOT } = require("./tasker");

const BEGIN = "<!-- bench: from here -->";
const END = "<!-- bench: to here -->";

/** The machine, as far as it explains the figures. */
function machine() {
  return {
    cpu: os.cpus()[0]?.model ?? "unknown",
    cores: os.cpus().length,
    memoryGb: Math.round(os.totalmem() / 1024 ** 3),
    system: `${os.type()} ${os.release()}`,
    load: os.loadavg().map((load) => Number(load.toFixed(2))),
  };
}

/** A Markdown table of the results, one row a case. */
function table(results) {
  const rows = results.map((one) => [
    `\`${one.name}\``,
    one.title,
    one.peerName,
    spread(one.tasker, one.unit),
    spread(one.peer, one.unit),
    `**${one.ratio.median.toFixed(2)} ×** (${one.ratio.min.toFixed(2)}–${one.ratio.max.toFixed(2)})`,
    limit(one.must, one.better),
    limit(one.goal, one.better),
    { goal: "goal", must: "must", missed: "**missed**" }[one.verdict],
  ]);
  const head = ["case", "what", "against", "tasker", "peer", "ratio (spread)", "must", "goal", "reached"];
  return markdown(head, rows);
}

function markdown(head, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function limit(value, better) {
  return `${better === "higher" ? "≥" : "≤"} ${value} ×`;
}

function spread({ median, min, max }, unit) {
  return `${number(median)} ${unit} (${number(min)}–${number(max)})`;
}

function number(value) {
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(2);
}

/** Puts `text` between the marks of a document; what people wrote around them stays. */
function intoDocument(file, text, name = "") {
  const begin = BEGIN.replace("bench:", `bench${name}:`);
  const end = END.replace("bench:", `bench${name}:`);
  const whole = fs.readFileSync(file, "utf8");
  const from = whole.indexOf(begin);
  const to = whole.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${file} has no place for the results: ${begin} … ${end}.`);
  fs.writeFileSync(file, `${whole.slice(0, from + begin.length)}\n\n${text}\n\n${whole.slice(to)}`);
}

const DOCUMENT = path.join(ROOT, "docs/performance.md");
const RESULTS = path.join(ROOT, "docs/performance.json");

module.exports = { DOCUMENT, RESULTS, intoDocument, machine, markdown, number, table };
