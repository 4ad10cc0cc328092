const fs = require("node:fs");
const path = require("node:path");
const { bounded, Clock } = require("../lib/bounded");
const { growthTable, kept, writeGrowth } = require("../lib/growth-report");
const { machine } = require("../lib/report");
const { runPart } = require("../lib/rounds");
const { Servers, requireProgram, versions } = require("../lib/servers");

const PARTS = ["tables", "endpoints", "payload", "managers", "apis"];
/** Seconds of a round. */
const ROUNDS = { full: { rounds: 3, seconds: 4 }, quick: { rounds: 2, seconds: 2 } };
/** Seconds that a part takes on two idle cores. */
const EXPECTED = {
  full: { tables: 470, endpoints: 170, payload: 60, managers: 80, apis: 50 },
  quick: { tables: 80, endpoints: 50, payload: 35, managers: 50, apis: 35 },
};

/** Measures how throughput and latency change with size; each part has its own servers. */
async function growth(options) {
  const names = options.part ?? PARTS;
  const unknown = names.find((name) => !PARTS.includes(name));
  if (unknown) throw new Error(`There is no part ${unknown}; there are ${PARTS.join(", ")}.`);
  const size = options.quick ? "quick" : "full";
  const clock = new Clock(names.map((name) => ({ name, seconds: EXPECTED[size][name] })));
  console.error(clock.announced());
  await requireProgram("wrk");
  const parts = [];
  const failed = [];
  for (const name of names) {
    const servers = new Servers();
    const loadAtStart = machine().load;
    const how = { ...ROUNDS[size], quick: options.quick, say: (text) => console.error(text) };
    if (options.pairs) how.rounds = Number(options.pairs);
    try {
      const part = require(path.join(__dirname, "../growth", `${name}.js`));
      const result = await bounded(name, EXPECTED[size][name], () => runPart(part, servers, how));
      const about = {
        at: new Date().toISOString(),
        quick: options.quick,
        loadAtStart,
        machine: machine(),
        versions: versions({}),
      };
      parts.push({ ...result, ...about });
      if (options.write) writeGrowth(parts);
    } catch (error) {
      failed.push(name);
      console.error(`${name} could not be measured: ${error.stack}`);
    } finally {
      await servers.close();
      console.error(clock.after(name));
    }
  }
  if (options.json) fs.writeFileSync(options.json, `${JSON.stringify(parts, null, 2)}\n`);
  for (const part of parts)
    console.log([`${part.title}`, growthTable(part), kept(part)].filter(Boolean).join("\n\n"), "\n");
  if (failed.length > 0) throw new Error(`Not measured: ${failed.join(", ")}; the reasons stand above.`);
  return 0;
}

module.exports = { growth };
