import type { TaskSummary } from "../../../client/types";
import { href } from "../../app/router";
import { Progress } from "../../parts/bar";
import { Mark } from "../../parts/status";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";
import { owes } from "../endpoints/owes";
import type { Overview } from "./load";

const MOST = 8;

/** What needs attention, worst first: faults, silent endpoints, overdue tasks, failures. */
export function Attention(props: { data: Overview }) {
  const { data } = props;
  const silent = data.endpoints.filter((endpoint) => !endpoint.alive);
  const broken = Object.entries(data.health?.checks ?? {}).filter(([, check]) => !check.ok);
  const nothing = silent.length + broken.length + data.incomplete.items.length + data.failed.items.length === 0;
  return (
    <section class="card attention" aria-labelledby="attention">
      <div class="card-head">
        <h2 id="attention">Needs attention</h2>
      </div>
      <ul class="plain">
        {nothing && (
          <li class="muted">
            <span>Nothing. Everybody who was asked has answered or is at it.</span>
          </li>
        )}
        {data.health === null && (
          <li>
            <span>
              <Mark state="failed" /> The server's health cannot be read.
            </span>
          </li>
        )}
        {broken.map(([name, check]) => (
          <li key={name}>
            <span>
              <Mark state="failed" /> <a href="#/system">{name}</a> is not well{" "}
              {check.detail ? <Text value={String(check.detail)} /> : ""}
            </span>
          </li>
        ))}
        {silent.slice(0, MOST).map((endpoint) => (
          <li key={endpoint.name}>
            <span>
              <Mark state="missing" /> <a href={href(["endpoints", endpoint.name])}>{endpoint.name}</a>{" "}
              {endpoint.last_seen_at ? (
                <>
                  is silent, last seen <Time at={endpoint.last_seen_at} />
                </>
              ) : (
                "has never connected"
              )}
            </span>
            {owes(endpoint) > 0 && (
              <span class="warn-text strong">
                owes {owes(endpoint)} {owes(endpoint) === 1 ? "answer" : "answers"}
              </span>
            )}
          </li>
        ))}
        <More count={silent.length} to="#/endpoints" what="silent endpoints" />
        {data.incomplete.items.slice(0, MOST).map((task) => (
          <Line key={task.id} task={task} />
        ))}
        <More
          count={data.incomplete.items.length}
          more={data.incomplete.next !== null}
          to={href(["tasks"], { status: "incomplete" })}
          what="incomplete tasks"
        />
        {data.failed.items.slice(0, MOST).map((task) => (
          <Line key={task.id} task={task} />
        ))}
        <More
          count={data.failed.items.length}
          more={data.failed.next !== null}
          to={href(["tasks"], { status: "failed", since: "24h" })}
          what="failed tasks"
        />
      </ul>
    </section>
  );
}

function Line(props: { task: TaskSummary }) {
  const { task } = props;
  const { missing } = task.completeness;
  return (
    <li>
      <span>
        <Mark state={task.status} />{" "}
        <a href={href(["tasks", task.type, task.id])}>
          <Text value={task.identifier} most={60} />
        </a>{" "}
        <span class="muted">
          {task.type} {task.status}
          {missing.length > 0 &&
            `, missing: ${missing.slice(0, 3).join(", ")}${missing.length > 3 ? ` and ${missing.length - 3} more` : ""}`}
        </span>
      </span>
      <span class="col-bar">
        <Progress task={task} />
      </span>
      <Time at={task.created_at} />
    </li>
  );
}

function More(props: { count: number; more?: boolean; to: string; what: string }) {
  if (props.count <= MOST) return null;
  return (
    <li>
      <a href={props.to}>
        All {props.count}
        {props.more ? "+" : ""} {props.what}
      </a>
    </li>
  );
}
