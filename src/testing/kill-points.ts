/**
 * Named moments at which a fault test ends or freezes this very process:
 * `TASKER_TEST_KILL=after-claim`, `after-claim:3` (at the third hit), `after-claim:3:stop` (SIGSTOP
 * instead of SIGKILL). Without the variable every call is an empty function.
 */
export type KillPoint =
  | "after-commit"
  | "before-publish"
  | "after-publish"
  | "before-claim"
  | "after-claim"
  | "after-handler"
  | "before-finish-commit"
  | "after-finish-commit"
  | "before-ack"
  | "before-report"
  | "after-report"
  | "before-record"
  | "after-record";

export const killPoint: (name: KillPoint) => void = armed(process.env.TASKER_TEST_KILL);

function armed(order: string | undefined): (name: KillPoint) => void {
  if (!order) return () => undefined;
  const [point, count = "1", how = "kill"] = order.split(":");
  let left = Number(count);
  return (name) => {
    if (name !== point || --left !== 0) return;
    process.kill(process.pid, how === "stop" ? "SIGSTOP" : "SIGKILL");
  };
}
