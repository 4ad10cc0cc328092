import type { ComponentChildren } from "preact";
import type { Page, TaskSummary } from "../../../client/types";
import { href } from "../../app/router";
import { Mark } from "../../parts/status";
import { duration, serverNow } from "../../parts/time";
import type { Overview } from "./load";

const counted = (page: Page<TaskSummary>) => `${page.items.length}${page.next ? "+" : ""}`;

export function Tiles(props: { data: Overview; perMinute: number }) {
  const { data } = props;
  const alive = data.endpoints.filter((endpoint) => endpoint.alive).length;
  const oldest = data.incomplete.next ? null : data.incomplete.items.at(-1);
  return (
    <div class="tiles">
      <Tile
        to={href(["tasks"], { status: "pending,running,scheduled" })}
        value={counted(data.open)}
        label="open"
        mark="running"
      />
      <Tile
        to={href(["tasks"], { status: "incomplete" })}
        value={counted(data.incomplete)}
        label="incomplete"
        mark="incomplete"
        bad={data.incomplete.items.length > 0 ? "warn-text" : ""}
      />
      <Tile
        to={href(["tasks"], { status: "failed", since: "24h" })}
        value={counted(data.failed)}
        label="failed in 24 h"
        mark="failed"
        bad={data.failed.items.length > 0 ? "bad-text" : ""}
      />
      <Tile
        to={href(["tasks"], { since: "15m" })}
        value={String(props.perMinute)}
        label="completed in the last minute"
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
        label="oldest incomplete"
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
