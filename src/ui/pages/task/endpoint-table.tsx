import { useState } from "preact/hooks";
import type { Task, TaskResponse } from "../../../client/types";
import { href } from "../../app/router";
import { CopyButton } from "../../parts/copy";
import { Badge, type CellState, cellState, PROBLEM_STATES } from "../../parts/status";
import { Text } from "../../parts/text";
import { between, duration, serverNow } from "../../parts/time";
import { Gantt } from "./gantt";

interface Props {
  task: Task;
  chosen: ReadonlySet<string>;
  onChoose: ((chosen: ReadonlySet<string>) => void) | null;
}

const PAGE = 100;

/** One row for each response that is expected, those that have not begun included; what needs attention stands first. */
export function EndpointTable(props: Props) {
  const { task, chosen, onChoose } = props;
  const [only, setOnly] = useState<CellState | null>(null);
  const [shown, setShown] = useState(PAGE);
  const rows = task.responses.map((response) => ({
    response,
    state: cellState(response.status, response.reason, task.status),
  }));
  const counts = new Map<CellState, number>();
  for (const { state } of rows) counts.set(state, (counts.get(state) ?? 0) + 1);
  const isProblem = (state: CellState) => (PROBLEM_STATES.includes(state) ? 0 : 1);
  const matching = rows
    .filter(({ state }) => !only || state === only)
    .sort((a, b) => isProblem(a.state) - isProblem(b.state));
  const end = task.finished_at ? Date.parse(task.finished_at) : serverNow();
  const names = [...new Set(matching.map(({ response }) => response.endpoint ?? "*"))];
  const toggle = (name: string) => {
    const next = new Set(chosen);
    if (!next.delete(name)) next.add(name);
    onChoose!(next);
  };
  return (
    <>
      <div class="card-head">
        <div class="chips" role="group" aria-label="Show only">
          {[...counts].map(([state, count]) => (
            <button
              type="button"
              key={state}
              class="chip"
              aria-pressed={only === state}
              onClick={() => setOnly(only === state ? null : state)}
            >
              <Badge state={state} /> <span class="num muted">{count}</span>
            </button>
          ))}
        </div>
        <CopyButton text={names.join("\n")} label="Copy the names of the endpoints shown">
          Copy names
        </CopyButton>
      </div>
      <div class="table-wrap">
        <table class="cards" aria-label="Responses">
          <thead>
            <tr>
              {onChoose && (
                <th scope="col">
                  <input
                    type="checkbox"
                    aria-label="Choose all that are shown"
                    checked={names.length > 0 && names.every((name) => chosen.has(name))}
                    onChange={() => onChoose(names.every((name) => chosen.has(name)) ? new Set() : new Set(names))}
                  />
                </th>
              )}
              <th scope="col">Endpoint</th>
              <th scope="col">State</th>
              <th scope="col">Attempt</th>
              <th scope="col">Waited and ran</th>
              <th scope="col">Ran</th>
              <th scope="col">Answer</th>
            </tr>
          </thead>
          <tbody>
            {matching.slice(0, shown).map(({ response, state }) => {
              const name = response.endpoint ?? "*";
              const ran = between(response.started_at, response.finished_at);
              return (
                <tr key={`${name}/${response.job}`} class={chosen.has(name) ? "picked" : ""} data-endpoint={name}>
                  {onChoose && (
                    <td data-label="Choose">
                      <input
                        type="checkbox"
                        aria-label={`Choose ${name}`}
                        checked={chosen.has(name)}
                        onChange={() => toggle(name)}
                      />
                    </td>
                  )}
                  <th scope="row">
                    <a href={href(["tasks", task.type, task.id, "responses", name])}>
                      {name === "*" ? "any one" : name}
                    </a>
                    {response.job && <span class="muted"> {response.job}</span>}
                  </th>
                  <td data-label="State">
                    <Badge
                      state={state}
                      more={
                        state === "running" && response.progress > 0
                          ? `${Math.round(response.progress * 100)} %`
                          : response.late
                            ? "late"
                            : response.status === "expected"
                              ? "not started"
                              : undefined
                      }
                    />
                  </td>
                  <td data-label="Attempt" class="num nowrap">
                    {response.attempt} of {response.attempts}
                  </td>
                  <td data-label="Waited and ran">
                    <Gantt task={task} response={response} end={end} />
                  </td>
                  <td data-label="Ran" class="num nowrap">
                    {ran === null ? <span class="muted">–</span> : duration(ran)}
                  </td>
                  <td data-label="Answer" class="answer">
                    <span class="ellipsis mono">
                      <Text value={preview(response)} most={90} />
                    </span>
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      {matching.length > shown && (
        <div class="card-head">
          <button type="button" class="btn small" onClick={() => setShown(shown + 5 * PAGE)}>
            Show more ({matching.length - shown} left)
          </button>
        </div>
      )}
    </>
  );
}

function preview(response: TaskResponse): string {
  if (response.error)
    return `${response.reason && response.reason !== "error" ? `${response.reason}: ` : ""}${response.error.split("\n")[0]}`;
  if (response.result_text) return response.result_text.slice(0, 200);
  if (response.result !== null && response.result !== undefined) return JSON.stringify(response.result).slice(0, 200);
  return response.reason ?? "";
}
