const { setTimeout: sleep } = require("node:timers/promises");

/** Work that waits for something else, as most does. */
exports.handleTask = async () => {
  await sleep(20);
};
