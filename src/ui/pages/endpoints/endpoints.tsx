import type { Endpoint, Manager } from "../../../client/types";
import { listEndpoints } from "../../api/calls";
import { useLoad } from "../../api/use";
import { href, type PageProps, setQuery } from "../../app/router";
import { Busy, Empty, Failure } from "../../parts/empty";
import { PageHead } from "../../parts/page";
import { Table } from "../../parts/table";
import { Alive } from "./alive";
import { owes } from "./owes";
import { RunsNow } from "./running";

const MOST = 500;
const COLUMNS = ["Endpoint", "Alive", "Owes", "Runs now", "Version", "Host and process", "Types"];

/** The endpoints that are alive, and those that should be. */
export function EndpointsPage(props: PageProps) {
  const loaded = useLoad("endpoints-page", (signal) => listEndpoints(signal), { matches: () => true, everyMs: 5000 });
  const find = (props.query.get("find") ?? "").toLowerCase();
  const onlyProblems = props.query.get("problems") === "1";
  const all = loaded.data?.items ?? [];
  const shown = all
    .filter((one) => one.name.includes(find) && (!onlyProblems || !one.alive || owes(one) > 0))
    .sort(
      (a, b) =>
        Number(a.alive) - Number(b.alive) || owes(b) - owes(a) || a.name.localeCompare(b.name, "en", { numeric: true }),
    );
  const alive = all.filter((one) => one.alive).length;
  return (
    <>
      <PageHead title="Endpoints" sub={loaded.data ? `${alive} of ${all.length} alive` : undefined}>
        <input
          type="search"
          placeholder="Find by name"
          aria-label="Find by name"
          value={find}
          onInput={(event) => setQuery({ find: event.currentTarget.value })}
        />
        <label>
          <input
            type="checkbox"
            checked={onlyProblems}
            onChange={(event) => setQuery({ problems: event.currentTarget.checked ? "1" : null })}
          />{" "}
          Only silent or owing
        </label>
      </PageHead>
      <div class="stack">
        <Failure error={loaded.error} onRetry={loaded.reload} />
        {!loaded.data && !loaded.error && <Busy what="endpoints" />}
        {loaded.data && all.length === 0 && (
          <div class="card">
            <Empty title="No endpoint is known yet." command="npx tasker manager --endpoint my-first">
              An endpoint appears when its manager starts for the first time, or when the config names it.
            </Empty>
          </div>
        )}
        {all.length > 0 && shown.length === 0 && (
          <div class="card">
            <Empty title="No endpoint is like that." />
          </div>
        )}
        {shown.length > 0 && (
          <div class="card">
            <Table label="Endpoints" columns={COLUMNS}>
              {shown.slice(0, MOST).map((one) => (
                <Line key={one.name} endpoint={one} />
              ))}
            </Table>
          </div>
        )}
        {shown.length > MOST && (
          <p class="muted small">
            {MOST} of {shown.length} are shown, silent and owing ones first: find the others by name.
          </p>
        )}
      </div>
    </>
  );
}

/** Only the managers that matter now are listed. */
export function present(endpoint: Endpoint): Manager[] {
  const now = endpoint.managers.filter((manager) => manager.state === "alive" || manager.state === "draining");
  return now.length > 0 ? now : endpoint.managers.slice(-1);
}

function Line(props: { endpoint: Endpoint }) {
  const { endpoint } = props;
  const managers = present(endpoint);
  const debt = owes(endpoint);
  const running = endpoint.open.running;
  return (
    <tr data-endpoint={endpoint.name}>
      <th scope="row">
        <a href={href(["endpoints", endpoint.name])}>{endpoint.name}</a>
      </th>
      <td data-label="Alive">
        <Alive endpoint={endpoint} />
      </td>
      <td data-label="Owes">
        {debt === 0 ? (
          <span class="muted">nothing</span>
        ) : (
          <a
            class={endpoint.alive ? "" : "warn-text strong"}
            href={href(["tasks"], { endpoint: endpoint.name, endpoint_status: "expected,received,running,retrying" })}
          >
            owes {debt} {debt === 1 ? "answer" : "answers"}
          </a>
        )}
      </td>
      <td data-label="Runs now">
        {running > 0 ? <RunsNow endpoint={endpoint.name} count={running} /> : <span class="muted">nothing</span>}
      </td>
      <td data-label="Version">{managers[0]?.version ?? <span class="muted">–</span>}</td>
      <td data-label="Host and process" class="small">
        {managers.length === 0 && <span class="muted">–</span>}
        {managers.map((manager) => (
          <div key={manager.id} class="nowrap">
            {manager.host} <span class="muted">pid</span> {manager.pid}
            {manager.state !== "alive" && <span class="muted"> {manager.state}</span>}
          </div>
        ))}
      </td>
      <td data-label="Types">
        <span class="chips">
          {endpoint.types.slice(0, 4).map((type) => (
            <a key={type} class="quiet tag" href={href(["types", type])}>
              {type}
            </a>
          ))}
          {endpoint.types.length > 4 && <span class="muted small">+{endpoint.types.length - 4}</span>}
        </span>
      </td>
    </tr>
  );
}
