const { appendFileSync } = require("node:fs");

// The clock is the machine's monotonic one, which all its processes share. The line is written behind the measured moment.
exports.handleTask = async (payload) => {
  const startedAt = process.hrtime.bigint();
  appendFileSync(process.env.BENCH_STAMPS, `${payload.n} ${startedAt}\n`);
};
