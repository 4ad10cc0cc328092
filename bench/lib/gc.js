/**
 * Loaded into a process with `--require`, together with `--expose-gc`: on SIGUSR2 it collects garbage and writes what is left to
 * `$BENCH_FOLDER/memory-PID.json`. What a process holds can only be told from what it has not yet thrown away in this way.
 */
const fs = require("node:fs");
const path = require("node:path");

process.on("SIGUSR2", async () => {
  // What finalizers and weak references let go of is free after the next one.
  for (let n = 0; n < 3; n++) {
    global.gc();
    await new Promise(setImmediate);
  }
  const file = path.join(process.env.BENCH_FOLDER, `memory-${process.pid}.json`);
  fs.writeFileSync(`${file}.new`, JSON.stringify(process.memoryUsage()));
  fs.renameSync(`${file}.new`, file);
});
