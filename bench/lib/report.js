const os = require("node:os");
const { intoDocument, markdown, mergeJson, provenance, spread } = require("./document");
const { DOCUMENT, RESULTS } = require("./places");
const { median } = require("./stats");

/** The machine, for the interpretation of the figures. */
function machine() {
  return {
    cpu: os.cpus()[0]?.model ?? "unknown",
    cores: os.cpus().length,
    memoryGb: Math.round(os.totalmem() / 1024 ** 3),
    system: `${os.type()} ${os.release()}`,
    load: os.loadavg().map((load) => Number(load.toFixed(2))),
  };
}

/** The results as a Markdown table, one row for each case. */
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

function limit(value, better) {
  return `${better === "higher" ? "≥" : "≤"} ${value} ×`;
}

/** Writes the results, the machine and the versions into the document. */
function write(whole) {
  mergeJson(RESULTS, () => whole);
  const versions = Object.entries(whole.versions).map(([name, version]) => `${name} ${version}`);
  const costs = whole.results.filter((one) => one.details.tasker[0].cpuMicros);
  intoDocument(
    DOCUMENT,
    "bench",
    [
      `${whole.pairs} pairs. ${provenance(whole)}`,
      `Versions: ${versions.join(", ")}.`,
      table(whole.results),
      "CPU microseconds for each task (fan-out: response; polling: request), by process, medians:",
      markdown(
        ["case", "tasker", "sum", "peer", "sum"],
        costs.map((one) => [
          `\`${one.name}\``,
          ...["tasker", "peer"].flatMap((side) => {
            const each = cpuOf(one.details[side]);
            return [
              Object.entries(each)
                .map(([name, n]) => `${name} ${n}`)
                .join(", "),
              String(total(each)),
            ];
          }),
        ]),
      ),
    ].join("\n\n"),
  );
}

/** Medians of the CPU by process. */
function cpuOf(runs) {
  const names = Object.keys(runs[0].cpuMicros ?? {});
  return Object.fromEntries(names.map((name) => [name, Math.round(median(runs.map((run) => run.cpuMicros[name])))]));
}

function total(each) {
  return Object.values(each).reduce((sum, n) => sum + n, 0);
}

/** The peer's CPU for each task divided by tasker's: above 1, tasker needs less. Valid on a busy machine too. */
function cpuRatio(one) {
  return total(cpuOf(one.details.peer)) / total(cpuOf(one.details.tasker));
}

module.exports = { cpuRatio, machine, table, write };
