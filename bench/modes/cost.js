const fs = require("node:fs");
const { measureCost } = require("../cost");
const { bounded, Clock } = require("../lib/bounded");
const { costText, writeCost } = require("../lib/cost-report");
const { machine } = require("../lib/report");
const { Servers, requireProgram, versions } = require("../lib/servers");

/** Seconds on two quiet cores, at 2,500 tasks/s in batches. */
const EXPECTED = { full: 540, quick: 110 };

/** Measures memory, CPU, bytes, statements and disk. */
async function cost(options) {
  const expected = EXPECTED[options.quick ? "quick" : "full"];
  const clock = new Clock([{ name: "cost", seconds: expected }]);
  console.error(clock.announced());
  await requireProgram("wrk");
  const loadAtStart = machine().load;
  const servers = new Servers();
  try {
    const tasks = options.tasks === undefined ? undefined : Number(options.tasks);
    const how = { quick: options.quick, tasks, say: (text) => console.error(text) };
    const result = await bounded("cost", expected, () => measureCost(servers, how));
    const about = {
      at: new Date().toISOString(),
      quick: options.quick,
      loadAtStart,
      machine: machine(),
      versions: versions({}),
    };
    const whole = { ...result, ...about };
    if (options.json) fs.writeFileSync(options.json, `${JSON.stringify(whole, null, 2)}\n`);
    if (options.write) writeCost(whole);
    console.log(costText(whole));
  } finally {
    await servers.close();
    console.error(clock.after("cost"));
  }
  return 0;
}

module.exports = { cost };
