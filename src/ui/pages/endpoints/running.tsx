import { listTasks } from "../../api/calls";
import { useLoad } from "../../api/use";
import { href } from "../../app/router";
import { Text } from "../../parts/text";

/** What an endpoint runs at this moment, by name. */
export function RunsNow(props: { endpoint: string; count: number }) {
  const { endpoint } = props;
  const loaded = useLoad(
    `runs/${endpoint}`,
    (signal) => listTasks({ endpoint, endpoint_status: "running", limit: 3 }, signal),
    {
      matches: (change) => change.endpoint === endpoint,
      everyMs: 10_000,
    },
  );
  const items = loaded.data?.items ?? [];
  if (items.length === 0) return <span class="muted">{props.count > 0 ? `${props.count} running` : "nothing"}</span>;
  return (
    <ul class="plain">
      {items.map((task) => (
        <li key={task.id}>
          <a href={href(["tasks", task.type, task.id, "responses", endpoint])}>
            <Text value={task.identifier} most={40} />
          </a>{" "}
          <span class="muted small">{task.type}</span>
        </li>
      ))}
      {(loaded.data?.next || props.count > items.length) && (
        <li>
          <a href={href(["tasks"], { endpoint, endpoint_status: "running" })} class="small">
            all {props.count}
          </a>
        </li>
      )}
    </ul>
  );
}
