import type { ComponentChildren } from "preact";
import { RESPONSE_STATUSES, TASK_STATUSES } from "../../../client/types";
import { listEndpoints, listTypes } from "../../api/calls";
import type { Query } from "../../api/http";
import { useLoad } from "../../api/use";
import { setQuery } from "../../app/router";
import { Mark } from "../../parts/status";

const SINCE: Record<string, [label: string, ms: number]> = {
  "15m": ["last 15 minutes", 900_000],
  "1h": ["last hour", 3_600_000],
  "24h": ["last 24 hours", 86_400_000],
  "7d": ["last 7 days", 604_800_000],
};

/** The filters in the address → the query of the list. */
export function taskQuery(query: URLSearchParams): Query {
  const since = SINCE[query.get("since") ?? ""];
  const endpoint = query.get("endpoint");
  return {
    type: query.get("type"),
    status: query.get("status"),
    identifier: query.get("identifier"),
    endpoint,
    endpoint_status: endpoint ? query.get("endpoint_status") : null,
    created_after: since ? new Date(Date.now() - since[1]).toISOString() : null,
  };
}

/** The filters in words; "": no filter. */
export function describe(query: URLSearchParams): string {
  const parts = [];
  const status = query.get("status");
  if (status) parts.push(status.split(",").join(" or "));
  if (query.get("type")) parts.push(`of type ${query.get("type")}`);
  if (query.get("endpoint")) {
    parts.push(
      `at ${query.get("endpoint")}${query.get("endpoint_status") ? ` (${query.get("endpoint_status")} there)` : ""}`,
    );
  }
  if (query.get("identifier")) parts.push(`with this identifier`);
  const since = SINCE[query.get("since") ?? ""];
  if (since) parts.push(`of the ${since[0]}`);
  return parts.join(" ");
}

export function TaskFilters(props: { query: URLSearchParams; withStatus?: boolean }) {
  const types = useLoad("types", (signal) => listTypes(signal));
  const endpoints = useLoad("endpoints", (signal) => listEndpoints(signal));
  const { query } = props;
  const any = [...query.keys()].some((name) => name !== "view" && name !== "problems");
  const names = (items: ReadonlyArray<{ name: string }> | undefined, name: string) =>
    withCurrent(items?.map((one) => one.name) ?? [], query.get(name)).map((one) => <option key={one}>{one}</option>);

  return (
    <div class="stack filter-box">
      {props.withStatus !== false && <StatusChips query={query} />}
      <div class="filters">
        <Choice label="Type" name="type" query={query} none="all">
          {names(types.data?.items, "type")}
        </Choice>
        <Choice label="Endpoint" name="endpoint" query={query} none="all">
          {names(endpoints.data?.items, "endpoint")}
        </Choice>
        {query.get("endpoint") && (
          <Choice label="… where it is" name="endpoint_status" query={query} none="in any state">
            {RESPONSE_STATUSES.map((status) => (
              <option key={status}>{status}</option>
            ))}
          </Choice>
        )}
        <Choice label="Created" name="since" query={query} none="any time">
          {Object.entries(SINCE).map(([value, [label]]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </Choice>
        <label class="field">
          <span>Identifier (exact)</span>
          <input
            type="search"
            value={query.get("identifier") ?? ""}
            maxLength={190}
            onChange={(event) => setQuery({ identifier: event.currentTarget.value })}
          />
        </label>
        {any && (
          <button
            type="button"
            class="btn ghost"
            onClick={() => setQuery(Object.fromEntries([...query.keys()].map((name) => [name, null])))}
          >
            Clear filters
          </button>
        )}
      </div>
    </div>
  );
}

function StatusChips(props: { query: URLSearchParams }) {
  const chosen = new Set((props.query.get("status") ?? "").split(",").filter(Boolean));
  const toggle = (status: string) => {
    if (!chosen.delete(status)) chosen.add(status);
    setQuery({ status: [...chosen].join(",") });
  };
  return (
    <div class="chips" role="group" aria-label="Status">
      {TASK_STATUSES.map((status) => (
        <button
          type="button"
          key={status}
          class="chip"
          aria-pressed={chosen.has(status)}
          onClick={() => toggle(status)}
        >
          <Mark state={status} />
          {status}
        </button>
      ))}
    </div>
  );
}

/** One field of the address, chosen from a list. */
function Choice(props: {
  label: string;
  name: string;
  query: URLSearchParams;
  /** Its label when nothing is chosen. */
  none: string;
  children: ComponentChildren;
}) {
  const { name } = props;
  return (
    <label class="field">
      <span>{props.label}</span>
      <select value={props.query.get(name) ?? ""} onChange={(event) => setQuery({ [name]: event.currentTarget.value })}>
        <option value="">{props.none}</option>
        {props.children}
      </select>
    </label>
  );
}

function withCurrent(names: string[], current: string | null): string[] {
  return current && !names.includes(current) ? [...names, current] : names;
}
