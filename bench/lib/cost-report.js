const fs = require("node:fs");
const path = require("node:path");
const { intoDocument, markdown, mergeJson, number, provenance } = require("./document");
const { plot } = require("./plot");
const { DOCUMENT, IMAGES, RESULTS } = require("./places");

const IDLE_MANAGER_MB = 90;
/** Allowed difference of the memory after a garbage collection between the first tenth and the end. */
const GROWTH_MB = 4;
const GROWTH_PART = 0.1;
const OURS = ["api", "manager"];

/** The targets: text, measured value, and whether it was met. */
function budgets({ idle, many }) {
  const idleMb = idle.memory.manager.max;
  const lines = [
    {
      text: `idle manager under ${IDLE_MANAGER_MB} MB resident`,
      measured: `${number(idleMb)} MB at most`,
      kept: idleMb < IDLE_MANAGER_MB,
    },
  ];
  for (const name of OURS) {
    const { from, to } = growth(many, name);
    const allowed = Math.max(GROWTH_MB, from.heapMb * GROWTH_PART);
    lines.push({
      text: `no growth of ${name} after ${many.tasks.toLocaleString("en")} tasks (what is held after a collection, up to ${number(allowed)} MB of noise)`,
      measured: `${number(from.heapMb)} → ${number(to.heapMb)} MB held, ${number(from.residentMb)} → ${number(to.residentMb)} MB resident`,
      kept: to.heapMb - from.heapMb <= allowed,
    });
  }
  return lines;
}

/** From the first tenth on; before that, code is compiled and buffers grow. */
function growth(many, name) {
  return { from: many.points[1].memory[name], to: many.points.at(-1).memory[name] };
}

function memoryTable({ idle, load, many }) {
  return markdown(
    [
      "MB resident",
      "idle",
      "single posts (most)",
      `${many.tasks.toLocaleString("en")} tasks in batches (most)`,
      "collected, before",
      "collected, after",
    ],
    Object.keys(idle.memory).map((name) => [
      name,
      number(idle.memory[name].median),
      `${number(load.memory[name].median)} (${number(load.memory[name].max)})`,
      `${number(many.memory[name].median)} (${number(many.memory[name].max)})`,
      OURS.includes(name) ? number(many.points[0].memory[name].residentMb) : "–",
      OURS.includes(name) ? number(many.points.at(-1).memory[name].residentMb) : "–",
    ]),
  );
}

function cpuTable({ idle, load, many }) {
  return markdown(
    ["CPU", "a single task, µs", "a task of a batch, µs", "idle, % of a core"],
    Object.keys(load.cpuMicros).map((name) => [
      name,
      String(load.cpuMicros[name]),
      String(many.cpuMicros[name]),
      number(idle.cpuPercent[name]),
    ]),
  );
}

/** Figures for each task of the single posts; disk from the million, where pages and spare room matter little. */
function eachTable({ load, many }) {
  const bytes = (name, from = load) => `${number(from.each[name])} B`;
  const kinds = Object.entries(load.each)
    .filter(([name, count]) => name.startsWith("statement ") && count >= 0.005)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name.slice(10)} ${count.toFixed(2)}`);
  return markdown(
    ["for each task", ""],
    [
      ["statements", `${load.each.statements.toFixed(2)} (${kinds.join(", ")})`],
      ["database: received, sent", `${bytes("database received")}, ${bytes("database sent")}`],
      ["database: redo log, all that is written to its disk", `${bytes("redo log")}, ${bytes("database to disk")}`],
      ["database: rows, indexes on its disk", `${bytes("rows on disk", many)}, ${bytes("indexes on disk", many)}`],
      ["broker: messages published", load.each.messages.toFixed(2)],
      [
        "broker: received, sent, written to its disk",
        `${bytes("broker received")}, ${bytes("broker sent")}, ${bytes("broker to disk")}`,
      ],
    ],
  );
}

function memoryPlot({ many }) {
  const lines = OURS.flatMap((name) => [
    {
      name: `${name}, resident`,
      points: many.points.map(({ tasks, memory }) => ({ x: tasks, y: memory[name].residentMb })),
    },
    { name: `${name}, held`, points: many.points.map(({ tasks, memory }) => ({ x: tasks, y: memory[name].heapMb })) },
  ]);
  return plot({
    title: "Memory after a garbage collection",
    x: { name: "tasks finished", scale: "linear" },
    y: { name: "MB" },
    lines,
  });
}

/** The chapter as Markdown. */
function costText(cost) {
  const verdicts = budgets(cost).map(
    ({ text, measured, kept }) => `* ${text}: ${measured}: ${kept ? "kept" : "**missed**"}.`,
  );
  return [
    `${provenance(cost)} API and manager in a process each, \`deliver: one\`, a no-op; ${Math.round(cost.load.value).toLocaleString("en")} single tasks/s.`,
    verdicts.join("\n"),
    memoryTable(cost),
    cpuTable(cost),
    eachTable(cost),
    `Idle, all processes together send ${number(cost.idle.statementsPerSecond)} statements a second.`,
    "![Memory of API and manager after a garbage collection, over the number of tasks](images/cost-memory.svg)",
  ].join("\n\n");
}

function writeCost(cost) {
  mergeJson(RESULTS, () => ({ cost }));
  fs.writeFileSync(path.join(IMAGES, "cost-memory.svg"), memoryPlot(cost));
  intoDocument(DOCUMENT, "cost", costText(cost));
}

module.exports = { budgets, costText, memoryPlot, writeCost };
