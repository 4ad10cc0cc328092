/** The README's table of figures: a few rows of docs/performance.md, told shorter, so that figures are measured and written in one place. */
const FROM = "<!-- figures: from here (npm run docs:generate, out of docs/performance.md) -->";
const TO = "<!-- figures: to here -->";

/** Names in the first column of docs/performance.md → what the README says. */
const ROWS = [
  ["single", "tasks a second, any one endpoint"],
  ["embedded", "tasks a second, everything in one process"],
  ["fanout-100", "responses a second, a task to 100 endpoints"],
  ["latency", "from `POST` to the handler's start, idle"],
  ["polling", "reads of a finished task a second"],
];

/**
 * @param {string} readme
 * @param {string} performance docs/performance.md
 * @returns {string} the README with the present figures between its marks
 */
function withFigures(readme, performance) {
  const from = readme.indexOf(FROM);
  const to = readme.indexOf(TO);
  if (from < 0 || to < from) throw new Error(`README.md has lost the marks of its figures: ${FROM} … ${TO}`);
  return `${readme.slice(0, from) + FROM}\n\n${figures(performance)}\n\n${readme.slice(to)}`;
}

function figures(performance) {
  const measured = /^Measured (\S+) [\s\S]*?, on (.+?); load/m.exec(performance);
  const cells = performance
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => line.split("|").map((cell) => cell.trim()));
  const rows = ROWS.flatMap(([name, what]) => {
    // The table of results has more columns than the one of costs.
    const row = cells.find((one) => one[1] === `\`${name}\`` && one.length > 8);
    if (!row) return [];
    const [, , , against, ours, theirs, ratio] = row;
    return [`| ${what} | ${median(ours)} | ${median(theirs)}, ${against} | ${median(ratio)} |`];
  });
  if (rows.length === 0) throw new Error("docs/performance.md holds no results that the README shows");
  const where = measured ? ` Measured ${measured[1]} on ${measured[2]}.` : "";
  return `| | tasker | beside it | ratio |\n|---|---|---|---|\n${rows.join("\n")}\n\nMedians of runs that took turns on the same machine, with a no-op that says \`claim: late\`.${where}`;
}

/** Without the spread, the unit (the row names it) and the emphasis. */
function median(cell) {
  return cell
    .replace(/\s*\([^)]*\)/, "")
    .replace(/\*\*/g, "")
    .replace(/ (tasks|responses|requests)\/s$/, "");
}

module.exports = { withFigures };
