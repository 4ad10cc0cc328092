import type { TaskSummary } from "../../../client/types";
import { href } from "../../app/router";
import { Progress } from "../../parts/bar";
import { Badge } from "../../parts/status";
import { Text } from "../../parts/text";
import { duration, Time, took } from "../../parts/time";

export function TaskRow(props: { task: TaskSummary; picked: boolean; onPick: ((range: boolean) => void) | null }) {
  const { task } = props;
  let range = false;
  const time = took(task);
  return (
    <tr class={props.picked ? "picked" : ""}>
      {props.onPick && (
        <td data-label="Select">
          <input
            type="checkbox"
            checked={props.picked}
            aria-label={`Select ${task.identifier.slice(0, 80)}`}
            onClick={(event) => {
              range = event.shiftKey;
            }}
            onChange={() => props.onPick!(range)}
          />
        </td>
      )}
      <th scope="row" class="task-name">
        <div>
          <a
            data-row-link
            href={href(["tasks", task.type, task.id])}
            class="ellipsis strong"
            title={task.identifier.slice(0, 190)}
          >
            <Text value={task.identifier} most={80} />
          </a>
          <span class="mono muted small">{task.id.slice(-12)}</span>
        </div>
      </th>
      <td data-label="Type">
        <a class="quiet tag" href={href(["types", task.type])}>
          {task.type}
        </a>
      </td>
      <td data-label="Status">
        <Badge state={task.status} />
      </td>
      <td data-label="Answered" class="col-bar">
        <Progress task={task} />
      </td>
      <td data-label="Created">
        <Time at={task.created_at} />
      </td>
      <td data-label="Took" class="num nowrap">
        {time !== null ? duration(time) : <span class="muted">open</span>}
      </td>
    </tr>
  );
}
