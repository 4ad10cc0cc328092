const { setTimeout: sleep } = require("node:timers/promises");

/** A handler that waits, as most do. */
exports.handleTask = async () => {
  await sleep(20);
};
