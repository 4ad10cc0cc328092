import { useState } from "preact/hooks";
import type { Task } from "../../../client/types";
import { between, duration, Time } from "../../parts/time";

const PAGE = 200;

/** The events in order. Earlier attempts are in the history of each response. */
export function Timeline(props: { task: Task }) {
  const [shown, setShown] = useState(PAGE);
  const { task } = props;
  const events: Array<[at: string, what: string]> = [[task.created_at, "stored"]];
  if (task.published_at) events.push([task.published_at, "given to the broker, confirmed"]);
  for (const response of task.responses) {
    const who = `${response.endpoint ?? "any one endpoint"}${response.job ? ` (${response.job})` : ""}`;
    if (response.received_at) events.push([response.received_at, `${who} received it`]);
    if (response.started_at) events.push([response.started_at, `${who} started attempt ${response.attempt}`]);
    if (response.finished_at)
      events.push([response.finished_at, `${who}: ${response.status}${response.reason ? `, ${response.reason}` : ""}`]);
    if (response.retry_at) events.push([response.retry_at, `${who}: next attempt is due`]);
  }
  if (task.finished_at) events.push([task.finished_at, `complete: ${task.status}`]);
  events.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return (
    <>
      <ol class="timeline">
        {events.slice(0, shown).map(([at, what]) => (
          <li key={`${at} ${what}`}>
            {what}{" "}
            <span class="muted small">
              · <Time at={at} />
              {at !== task.created_at && `, ${duration(between(task.created_at, at) ?? 0)} after it was stored`}
            </span>
          </li>
        ))}
      </ol>
      {events.length > shown && (
        <button type="button" class="btn small" onClick={() => setShown(shown + 5 * PAGE)}>
          Show more ({events.length - shown} left)
        </button>
      )}
    </>
  );
}
