const fs = require("node:fs");

const HEAD = [
  ...["scenario", "faults", "accepted", "lost", "stuck", "ran twice", "(touched)", "final twice", "died", "recovered"],
  "bounds",
];

/**
 * What the scenarios of the fault tests noted (test/faults/support/report.ts), in the order in which they ran.
 *
 * @param {string} file lines of JSON; one that is not there has none
 */
function readScenarios(file) {
  if (!fs.existsSync(file)) return [];
  const lines = fs.readFileSync(file, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line));
}

/** A line for each scenario: the counts that must be 0, the recovery time, and the bounds with measured values. */
function faultsTable(scenarios) {
  const numberOf = ({ name }) => Number(/^F(\d+)/.exec(name)?.[1] ?? 0);
  const rows = [...scenarios].sort((a, b) => numberOf(a) - numberOf(b)).map(cells);
  const widths = HEAD.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at].length)));
  const last = HEAD.length - 1;
  const pad = (text, at) => (at === 0 || at === last ? text.padEnd(widths[at]) : text.padStart(widths[at]));
  const print = (row) => row.map(pad).join("  ").trimEnd();
  return ["", print(HEAD), print(widths.map((width) => "-".repeat(width))), ...rows.map(print), ""].join("\n");
}

function cells(scenario) {
  const { name, faults, accepted, lost, stuck, executedTwice, repeated, terminalTwice, died } = scenario;
  const counts = [faults, accepted, lost, stuck, executedTwice, repeated, terminalTwice, died].map(String);
  const bounds = scenario.judgements.map(({ text }) => text).join("; ");
  return [name, ...counts, `${(scenario.recoveryMs / 1000).toFixed(1)} s`, bounds];
}

module.exports = { faultsTable, readScenarios };
