/** `node bench/simulate`: simulates the sizes of docs/scaling.md with the costs of costs.js. Prints a Markdown table. */
const costs = require("./costs");
const { simulate } = require("./model");

const base = { seconds: 120, heartbeatMs: 5000, databaseCores: 2, batched: true };
const SIZES = [
  { name: "one machine, 100 endpoints", endpoints: 100, tasksPerSecond: 20, fanOut: 100, batched: false },
  { name: "10,000 endpoints, idle", endpoints: 10_000, tasksPerSecond: 0, fanOut: 1 },
  {
    name: "10,000 endpoints, one task to all each minute",
    endpoints: 10_000,
    tasksPerSecond: 1 / 60,
    fanOut: 10_000,
    batched: false,
  },
  {
    name: "10,000 endpoints, the same, database of 16 cores",
    endpoints: 10_000,
    tasksPerSecond: 1 / 60,
    fanOut: 10_000,
    batched: false,
    databaseCores: 16,
  },
  { name: "5,000 tasks/s, database of 2 cores", endpoints: 20, tasksPerSecond: 5000, fanOut: 1 },
  { name: "5,000 tasks/s, 16 cores", endpoints: 20, tasksPerSecond: 5000, fanOut: 1, databaseCores: 16 },
  { name: "50,000 tasks/s, 16 cores", endpoints: 200, tasksPerSecond: 50_000, fanOut: 1, databaseCores: 16 },
  {
    name: "50,000 tasks/s over 8 databases, each",
    endpoints: 200,
    tasksPerSecond: 50_000 / 8,
    fanOut: 1,
    databaseCores: 16,
  },
  {
    name: "5,000 tasks/s, 16 cores, broker away for 30 s",
    endpoints: 20,
    tasksPerSecond: 5000,
    fanOut: 1,
    databaseCores: 16,
    outage: { at: 30_000, ms: 30_000 },
  },
];

const percent = (share) => `${Math.round(share * 100)} %`;
const line = (cells) => console.log(`| ${cells.join(" | ")} |`);
const head = [
  "size",
  "heartbeats/s",
  "database busy",
  "reconciler busy",
  "open at the end",
  "unsettled",
  "caught up",
  "connections (database MB, broker MB)",
];
line(head);
line(head.map(() => "---"));
for (const size of SIZES) {
  const result = simulate({ ...base, ...size });
  const memory = `${Math.round(size.endpoints * costs.databaseConnectionMb)}, ${Math.round(2 * size.endpoints * costs.brokerConnectionMb)}`;
  line([
    size.name,
    Math.round(result.heartbeatsPerSecond),
    percent(result.database),
    percent(result.reconciler),
    result.backlog.toLocaleString("en"),
    result.unsettled.toLocaleString("en"),
    size.outage ? (result.caughtUpAfter === null ? "not in time" : `after ${result.caughtUpAfter.toFixed(1)} s`) : "–",
    memory,
  ]);
}
