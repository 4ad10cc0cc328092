/** As handlers-journal.cjs, as a program: payload on standard input, the task's names in the environment. */
const { openSync, writeSync, fsyncSync, readFileSync } = require("node:fs");

const { TASKER_TEST_JOURNAL, TASKER_TASK_ID, TASKER_ENDPOINT, TASKER_ATTEMPT } = process.env;
const file = openSync(TASKER_TEST_JOURNAL, "a");
const payload = JSON.parse(readFileSync(0, "utf8"));

function write(what) {
  writeSync(file, `${what} ${TASKER_TASK_ID} ${TASKER_ENDPOINT} ${TASKER_ATTEMPT} ${process.pid} ${Date.now()}\n`);
  fsyncSync(file);
}

write("start");
if (payload.deaf) for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => {});
setTimeout(() => {
  write("end");
  process.exit(0);
}, payload.ms ?? 0);
