const { postAndFinish } = require("../lib/measure");
const { NOOP, startTasker } = require("../lib/tasker");

/** Large payloads need fewer connections to keep everything busy. */
const SIZES = [
  { bytes: 100, connections: 64 },
  { bytes: 10_000, connections: 64 },
  { bytes: 1_000_000, connections: 8 },
];

/** The payload passes through the request, the database's log, the row and the handler, not through the broker. */
module.exports = {
  name: "payload",
  title: "Size of the payload",
  x: { name: "bytes of payload", scale: "log" },
  series: [
    { name: "single", unit: "tasks/s", title: "POST to final response" },
    { name: "volume", unit: "MB/s", title: "payload" },
    { name: "post p50", unit: "ms", title: "POST, median" },
    { name: "post p99", unit: "ms", title: "POST, p99" },
  ],
  note: "64 connections, for 1 MB 8. Buffers of 1 GB.",

  open: (servers) => [
    async () => {
      await servers.configureDatabase({ innodb_buffer_pool_size: 1024 ** 3, innodb_log_file_size: 1024 ** 3 });
      const tasker = await startTasker(servers, {
        types: { noop: { ...NOOP, deliver: "one" } },
        api: { max_body: "4mb" },
      });
      const counted = { count: () => tasker.created(), untilDone: () => tasker.untilDone("noop") };
      const points = SIZES.map(({ bytes, connections }) => ({
        x: bytes,
        async run(seconds) {
          const { url, pids } = tasker;
          const one = await postAndFinish({ url, path: "/noop", bytes, connections, seconds, pids, ...counted });
          await tasker.settled();
          const { value, p50, p99, cpuMicros } = one;
          return { single: value, volume: (value * bytes) / 1e6, "post p50": p50, "post p99": p99, cpuMicros };
        },
      }));
      return { points, close: () => tasker.stop() };
    },
  ],
};
