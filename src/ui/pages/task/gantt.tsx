import type { Task, TaskResponse } from "../../../client/types";
import { duration } from "../../parts/time";

/** From the task's creation to its end or now: thin while it waited, thick while it ran. */
export function Gantt(props: { task: Task; response: TaskResponse; end: number }) {
  const { response } = props;
  const begin = Date.parse(props.task.created_at);
  const whole = Math.max(1, props.end - begin);
  const at = (iso: string | null, none: number) =>
    Math.max(0, Math.min(100, (((iso ? Date.parse(iso) : none) - begin) / whole) * 100));
  const open = response.finished_at === null;
  const received = at(response.received_at, props.end);
  const started = at(response.started_at, props.end);
  const finished = at(response.finished_at, props.end);
  const words = response.started_at
    ? `waited ${duration(Date.parse(response.started_at) - begin)}, ran ${duration((response.finished_at ? Date.parse(response.finished_at) : props.end) - Date.parse(response.started_at))}`
    : "not started";
  return (
    <div class="gantt" role="img" aria-label={words} title={words}>
      {response.received_at && (
        <i class="wait" style={{ left: `${received}%`, width: `${Math.max(0, started - received)}%` }} />
      )}
      {response.started_at && (
        <i
          class={`work ${open ? "open" : response.status === "succeeded" ? "" : "failed"}`}
          style={{ left: `${Math.min(99, started)}%`, width: `${Math.max(0.5, finished - started)}%` }}
        />
      )}
    </div>
  );
}
