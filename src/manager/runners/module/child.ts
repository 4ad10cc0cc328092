import { Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { HandlerEnvironment } from "../../../config/handler-environment";
import { CHANNEL_FD } from "./channel";
import { HandlerHost } from "./handler-host";

/**
 * The entry of a handler process: user code runs here and nowhere else (handler-host.ts). It leads
 * its own process group, so that one signal ends all that handlers start.
 */
const environment = new HandlerEnvironment();
const host = new HandlerHost(new Socket({ fd: CHANNEL_FD, readable: true, writable: true }), environment);
const uncaught = (error: unknown): void => host.uncaught(error);
process.on("uncaughtException", uncaught);
process.on("unhandledRejection", uncaught);

// A signal meant for the manager's whole tree (Ctrl-C, pm2) must not end a handler that the manager
// is waiting for.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});

// A handler that blocks the event loop cannot see that the manager has died; a thread of its own
// can. The manager's number comes from itself: had it died before this line, the system would
// answer with the process that has inherited this one.
new Worker(
  `const { workerData: parent } = require("node:worker_threads");
   setInterval(() => {
     if (process.ppid === parent) return;
     process.kill(-process.pid, "SIGKILL");
   }, 1000);`,
  {
    eval: true,
    workerData: Number(process.argv[2]),
    execArgv: [],
    stdin: false,
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2, stackSizeMb: 1 },
  },
).unref();
