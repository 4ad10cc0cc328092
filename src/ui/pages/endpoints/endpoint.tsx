import type { Endpoint, Page, TaskSummary } from "../../../client/types";
import { listTasks, readEndpoint } from "../../api/calls";
import { type Loaded, useLoad } from "../../api/use";
import { href, type PageProps } from "../../app/router";
import { Busy, Empty, Failure } from "../../parts/empty";
import { PageHead } from "../../parts/page";
import { Badge, cellState } from "../../parts/status";
import { Table } from "../../parts/table";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";
import { Alive } from "./alive";
import { owes } from "./owes";
import { RemoveEndpoint } from "./remove";
import { RunsNow } from "./running";

/** One endpoint: its own responses (not the status of the tasks), what it owes, its managers. */
export function EndpointPage(props: PageProps) {
  const name = props.parts[1] ?? "";
  const loaded = useLoad(`endpoint/${name}`, (signal) => readEndpoint(name, signal), {
    matches: (change) => change.endpoint === name,
    everyMs: 5000,
  });
  const history = useLoad(
    `endpoint-tasks/${name}`,
    (signal) => listTasks({ endpoint: name, limit: 50, include: "responses" }, signal),
    {
      matches: (change) => change.endpoint === name,
    },
  );
  const endpoint = loaded.data;
  if (!endpoint) {
    return (
      <>
        <PageHead title={name} />
        {loaded.error ? <Failure error={loaded.error} onRetry={loaded.reload} /> : <Busy what="the endpoint" />}
      </>
    );
  }
  return (
    <>
      <PageHead title={name} sub={<Alive endpoint={endpoint} />}>
        <a class="btn" href={href(["matrix"], { endpoint: name })}>
          Its tasks as matrix
        </a>
        <RemoveEndpoint endpoint={endpoint} />
      </PageHead>
      <div class="stack">
        <Failure error={loaded.error} onRetry={loaded.reload} />
        <div class="two">
          <Facts endpoint={endpoint} />
          <Managers endpoint={endpoint} />
        </div>
        <History endpoint={name} tasks={history} />
      </div>
    </>
  );
}

function Facts(props: { endpoint: Endpoint }) {
  const { endpoint } = props;
  return (
    <section class="card pad stack" aria-label="Facts">
      <dl class="facts">
        <dt>Owes</dt>
        <dd>
          <Debt endpoint={endpoint} />
        </dd>
        <dt>Runs now</dt>
        <dd>
          <RunsNow endpoint={endpoint.name} count={endpoint.open.running} />
        </dd>
        <dt>Known since</dt>
        <dd>
          <Time at={endpoint.first_seen_at} />
        </dd>
        <dt>Last heartbeat</dt>
        <dd>
          <Time at={endpoint.last_seen_at} none="never" />
        </dd>
        <dt>Types</dt>
        <dd>{endpoint.types.join(", ") || "none"}</dd>
        {Object.entries(endpoint.labels).map(([key, value]) => (
          <>
            <dt>
              <Text value={key} />
            </dt>
            <dd>
              <Text value={typeof value === "string" ? value : JSON.stringify(value)} />
            </dd>
          </>
        ))}
      </dl>
      {!endpoint.alive && (
        <p class="note warn">
          {endpoint.last_seen_at
            ? "Its manager has stopped sending heartbeats."
            : "It is expected, but no manager has ever connected under this name."}{" "}
          Start it there with <code>npx tasker manager --endpoint {endpoint.name}</code>
        </p>
      )}
    </section>
  );
}

function Debt(props: { endpoint: Endpoint }) {
  const { name, open } = props.endpoint;
  const debt = owes(props.endpoint);
  return (
    <>
      {debt === 0 ? (
        "nothing"
      ) : (
        <a
          class="warn-text strong"
          href={href(["tasks"], { endpoint: name, endpoint_status: "expected,received,running,retrying" })}
        >
          owes {debt} {debt === 1 ? "answer" : "answers"}
        </a>
      )}{" "}
      {Object.entries(open)
        .filter(([, count]) => count)
        .map(([status, count]) => `${count} ${status}`)
        .join(", ")}
    </>
  );
}

function Managers(props: { endpoint: Endpoint }) {
  const { name, managers } = props.endpoint;
  return (
    <section class="card" aria-labelledby="managers">
      <div class="card-head">
        <h2 id="managers">Managers</h2>
      </div>
      {managers.length === 0 ? (
        <Empty title="None has run here yet." command={`npx tasker manager --endpoint ${name}`} />
      ) : (
        <Table columns={["State", "Host", "Pid", "Version", "Runs", "Heartbeat"]}>
          {[...managers]
            .reverse()
            .slice(0, 10)
            .map((manager) => (
              <tr key={manager.id}>
                <td data-label="State">{manager.state}</td>
                <td data-label="Host">{manager.host}</td>
                <td data-label="Pid" class="num">
                  {manager.pid}
                </td>
                <td data-label="Version">{manager.version}</td>
                <td data-label="Runs" class="num">
                  {manager.running}
                </td>
                <td data-label="Heartbeat">
                  <Time at={manager.heartbeat_at} />
                </td>
              </tr>
            ))}
        </Table>
      )}
    </section>
  );
}

function History(props: { endpoint: string; tasks: Loaded<Page<TaskSummary>> }) {
  const { endpoint, tasks } = props;
  const items = tasks.data?.items;
  return (
    <section class="card" aria-labelledby="history">
      <div class="card-head">
        <h2 id="history">Its last tasks</h2>
        <a href={href(["tasks"], { endpoint })}>All its tasks</a>
      </div>
      {tasks.error && <Failure error={tasks.error} onRetry={tasks.reload} />}
      {items?.length === 0 && <Empty title="It has not been asked anything yet." />}
      {items && items.length > 0 && (
        <Table columns={["Task", "Type", "Its response", "Attempt", "Task created"]}>
          {items.flatMap((task) => responsesOf(task, endpoint))}
        </Table>
      )}
    </section>
  );
}

function responsesOf(task: TaskSummary, endpoint: string) {
  const own = (task.responses ?? []).filter((response) => response.endpoint === endpoint);
  return own.map((response) => (
    <tr key={`${task.id}/${response.job}`}>
      <th scope="row" class="task-name">
        <a class="ellipsis" href={href(["tasks", task.type, task.id, "responses", endpoint])}>
          <Text value={task.identifier} most={60} />
        </a>
      </th>
      <td data-label="Type">{task.type}</td>
      <td data-label="Its response">
        <Badge state={cellState(response.status, response.reason, task.status)} more={response.reason ?? undefined} />
      </td>
      <td data-label="Attempt" class="num">
        {response.attempt} of {response.attempts}
      </td>
      <td data-label="Task created">
        <Time at={task.created_at} />
      </td>
    </tr>
  ));
}
