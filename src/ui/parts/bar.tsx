import type { TaskSummary } from "../../client/types";

/** Endpoints that succeeded or failed; cancelled and missed ones have not answered. */
export function answeredOf(task: Pick<TaskSummary, "completeness">): number {
  return task.completeness.succeeded + task.completeness.failed;
}

/** "7/9" answered, and a bar: succeeded, failed, cancelled, under way, missing. */
export function Progress(props: { task: Pick<TaskSummary, "completeness" | "status"> }) {
  const { completeness: c, status } = props.task;
  const missing = c.missing.length;
  const overdue = status === "incomplete" || status === "failed";
  const parts: Array<[string, number, string]> = [
    ["succeeded", c.succeeded, "succeeded"],
    ["failed", c.failed, "failed"],
    ["cancelled", c.cancelled, "cancelled"],
    ["running", c.running, "under way"],
    [overdue ? "missing" : "waiting", missing, overdue ? "missing" : "not received yet"],
  ];
  const shown = parts.filter(([, count]) => count > 0);
  const words = shown.map(([, count, word]) => `${count} ${word}`).join(", ");
  return (
    <div class="bar-line" title={words}>
      <span class="num nowrap strong">
        {answeredOf(props.task)}/{c.expected}
        <span class="sr-only"> answered: {words}</span>
      </span>
      <div class="bar" aria-hidden="true">
        {shown.map(([kind, count]) => (
          <i key={kind} class={kind} style={{ flexGrow: count }} />
        ))}
      </div>
    </div>
  );
}
