import type { TaskSummary } from "../../client/types";

/** "7/9" and the same as a bar: done, failed, cancelled, under way, then those who have not received it. */
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
  const told = parts.filter(([, count]) => count > 0);
  const words = told.map(([, count, word]) => `${count} ${word}`).join(", ");
  return (
    <div class="bar-line" title={words}>
      <span class="num nowrap strong">
        {c.succeeded}/{c.expected}
        <span class="sr-only"> succeeded: {words}</span>
      </span>
      <div class="bar" aria-hidden="true">
        {told.map(([kind, count]) => (
          <i key={kind} class={kind} style={{ flexGrow: count }} />
        ))}
      </div>
    </div>
  );
}
