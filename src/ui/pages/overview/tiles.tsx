import type { ComponentChildren } from "preact";
import type { Page, TaskSummary } from "../../../client/types";
import { href } from "../../app/router";
import { Mark } from "../../parts/status";
import { duration, serverNow } from "../../parts/time";
import type { Overview } from "./load";

const counted = (page: Page<TaskSummary>) => `${page.items.length}${page.next ? "+" : ""}`;

/** A `+` after a number: at least this many, since only the newest tasks were read. */
export function Tiles(props: { data: Overview; perMinute: number; failedResponses: { count: number; more: boolean } }) {
  const { data } = props;
  const alive = data.endpoints.filter((endpoint) => endpoint.alive).length;
  const oldest = data.incomplete.next ? null : data.incomplete.items.at(-1);
  return (
    <div class="tiles">
      <Tile
        to={href(["tasks"], { status: "pending,running,scheduled" })}
        value={counted(data.open)}
        label="tasks waiting or running"
        mark="running"
      />
      <Tile
        to={href(["tasks"], { status: "incomplete" })}
        value={counted(data.incomplete)}
        label="tasks incomplete"
        mark="incomplete"
        bad={data.incomplete.items.length > 0 ? "warn-text" : ""}
      />
      <Tile
        to={href(["tasks"], { status: "failed", since: "24h" })}
        value={counted(data.failed)}
        label="tasks failed, of the last 24 h"
        mark="failed"
        bad={data.failed.items.length > 0 ? "bad-text" : ""}
      />
      <Tile
        to={href(["matrix"], { since: "24h", problems: "1" })}
        value={`${props.failedResponses.count}${props.failedResponses.more ? "+" : ""}`}
        label="responses failed, of tasks of the last 24 h"
        mark="failed"
        bad={props.failedResponses.count > 0 ? "bad-text" : ""}
      />
      <Tile
        to={href(["tasks"], { since: "15m" })}
        value={`${props.perMinute}${data.complete ? "" : "+"}`}
        label="tasks finished in the last minute"
        mark="succeeded"
      />
      <Tile
        to="#/endpoints"
        value={`${alive} of ${data.endpoints.length}`}
        label="endpoints alive"
        bad={alive < data.endpoints.length ? "warn-text" : ""}
      />
      <Tile
        to={oldest ? href(["tasks", oldest.type, oldest.id]) : href(["tasks"], { status: "incomplete" })}
        value={oldest ? duration(serverNow() - Date.parse(oldest.created_at)) : data.incomplete.next ? "many" : "none"}
        label="age of the oldest incomplete task"
      />
    </div>
  );
}

function Tile(props: { to: string; value: ComponentChildren; label: string; mark?: string; bad?: string }) {
  return (
    <a class="card tile" href={props.to}>
      <span class={`value ${props.bad ?? ""}`}>{props.value}</span>
      <span class="label">
        {props.mark && <Mark state={props.mark} />}
        {props.label}
      </span>
    </a>
  );
}
