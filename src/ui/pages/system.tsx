import type { Health, Json } from "../../client/types";
import { readHealth } from "../api/calls";
import { apiUrl, read } from "../api/http";
import { may, session } from "../api/session";
import { useLoad } from "../api/use";
import { Busy, Failure } from "../parts/empty";
import { JsonTree } from "../parts/json";
import { PageHead } from "../parts/page";
import { Mark } from "../parts/status";
import { Table } from "../parts/table";
import { Text } from "../parts/text";

interface System {
  version: string;
  node: string;
  run_mode: string;
  config_file: string | null;
  config: Json;
}

export function SystemPage() {
  const health = useLoad("health", (signal) => readHealth(signal), { everyMs: 5000 });
  const admin = may("admin");
  const system = useLoad(`system/${admin}`, (signal) =>
    admin ? read<System>(["system"], {}, signal) : Promise.resolve(null),
  );
  return (
    <>
      <PageHead title="System" />
      <div class="stack">
        <Failure error={health.error} onRetry={health.reload} />
        <section class="card" aria-labelledby="health">
          <div class="card-head">
            <h2 id="health">Health</h2>
            {health.data && (
              <span class="badge">
                <Mark state={health.data.ready ? "succeeded" : "failed"} /> {health.data.ready ? "ready" : "not ready"}
              </span>
            )}
          </div>
          {!health.data && !health.error && <Busy what="health" />}
          {health.data && <Checks checks={health.data.checks} />}
        </section>
        <About />
        {admin && (
          <section class="card pad stack" aria-labelledby="config">
            <h2 id="config">
              Config <span class="muted small">secrets left out</span>
            </h2>
            <Failure error={system.error} onRetry={system.reload} />
            {system.data && (
              <>
                <p class="muted">
                  {system.data.config_file ? <code>{system.data.config_file}</code> : "Built-in defaults, no file."}
                </p>
                <JsonTree value={system.data.config} />
              </>
            )}
          </section>
        )}
      </div>
    </>
  );
}

function Checks(props: { checks: Health["checks"] }) {
  return (
    <Table columns={["Check", "State", "Detail"]}>
      {Object.entries(props.checks).map(([name, { ok, ...rest }]) => (
        <tr key={name}>
          <th scope="row">{name}</th>
          <td data-label="State">
            <span class="badge">
              <Mark state={ok ? "succeeded" : "failed"} /> {ok ? "well" : "not well"}
            </span>
          </td>
          <td data-label="Detail">
            <Text value={detailOf(rest)} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

function About() {
  const who = session.value;
  return (
    <section class="card pad stack" aria-labelledby="about">
      <h2 id="about">About</h2>
      <dl class="facts">
        <dt>Run mode</dt>
        <dd>{who?.run_mode ?? "–"}</dd>
        <dt>Version</dt>
        <dd>{who?.version ?? "–"}</dd>
        <dt>You are</dt>
        <dd>
          {who?.name ? (
            <Text value={who.name} />
          ) : (
            "anonymous: no API key is configured, so this server answers on this machine only"
          )}{" "}
          ({who?.scopes.join(", ")})
        </dd>
        <dt>For programs</dt>
        <dd>
          <a href={apiUrl("openapi.json").href}>OpenAPI</a>, <a href={apiUrl("metrics").href}>metrics</a>,{" "}
          <a href={apiUrl("docs").href}>API docs</a>
        </dd>
      </dl>
    </section>
  );
}

function detailOf(rest: { [key: string]: Json }): string {
  return Object.entries(rest)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => (name === "detail" ? text(value) : `${name.replaceAll("_", " ")} ${text(value)}`))
    .join(", ");
}

const text = (value: Json) => (typeof value === "string" ? value : JSON.stringify(value));
