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

/** The filters in the address → the list's query. */
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

/** Says in words what the filters ask for; "" for no filter. */
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
  const chosen = new Set((query.get("status") ?? "").split(",").filter(Boolean));
  const toggle = (status: string) => {
    if (!chosen.delete(status)) chosen.add(status);
    setQuery({ status: [...chosen].join(",") });
  };
  const set = (name: string) => (event: Event) => setQuery({ [name]: (event.currentTarget as HTMLInputElement).value });
  const any = [...query.keys()].some((name) => name !== "view" && name !== "problems");

  return (
    <div class="stack filter-box">
      {props.withStatus !== false && (
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
      )}
      <div class="filters">
        <label class="field">
          <span>Type</span>
          <select value={query.get("type") ?? ""} onChange={set("type")}>
            <option value="">all</option>
            {withCurrent(types.data?.items.map((type) => type.name) ?? [], query.get("type")).map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>Endpoint</span>
          <select value={query.get("endpoint") ?? ""} onChange={set("endpoint")}>
            <option value="">all</option>
            {withCurrent(endpoints.data?.items.map((one) => one.name) ?? [], query.get("endpoint")).map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        {query.get("endpoint") && (
          <label class="field">
            <span>… where it is</span>
            <select value={query.get("endpoint_status") ?? ""} onChange={set("endpoint_status")}>
              <option value="">in any state</option>
              {RESPONSE_STATUSES.map((status) => (
                <option key={status}>{status}</option>
              ))}
            </select>
          </label>
        )}
        <label class="field">
          <span>Created</span>
          <select value={query.get("since") ?? ""} onChange={set("since")}>
            <option value="">any time</option>
            {Object.entries(SINCE).map(([value, [label]]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>Identifier (exact)</span>
          <input type="search" value={query.get("identifier") ?? ""} maxLength={190} onChange={set("identifier")} />
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

function withCurrent(names: string[], current: string | null): string[] {
  return current && !names.includes(current) ? [...names, current] : names;
}
