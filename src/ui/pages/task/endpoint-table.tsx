import { useState } from "preact/hooks";
import type { Task, TaskResponse } from "../../../client/types";
import { writeExact } from "../../../model/json/exact-json";
import { href } from "../../app/router";
import { CopyButton } from "../../parts/copy";
import { Badge, type CellState, cellState, PROBLEM_STATES } from "../../parts/status";
import { Table } from "../../parts/table";
import { Text } from "../../parts/text";
import { between, duration, serverNow } from "../../parts/time";
import { Gantt } from "./gantt";

interface Props {
  task: Task;
  chosen: ReadonlySet<string>;
  onChoose: ((chosen: ReadonlySet<string>) => void) | null;
}

const PAGE = 100;

/** One row for each response; those that need attention come first. */
export function EndpointTable(props: Props) {
  const { task, chosen, onChoose } = props;
  const [only, setOnly] = useState<CellState | null>(null);
  const [shown, setShown] = useState(PAGE);
  const rows = task.responses.map((response) => ({
    response,
    state: cellState(response.status, response.reason, task.status),
  }));
  const rank = (state: CellState) => (PROBLEM_STATES.includes(state) ? 0 : 1);
  const matching = rows.filter(({ state }) => !only || state === only).sort((a, b) => rank(a.state) - rank(b.state));
  const end = task.finished_at ? Date.parse(task.finished_at) : serverNow();
  const names = [...new Set(matching.map(({ response }) => nameOf(response)))];
  const allChosen = names.every((name) => chosen.has(name));
  const toggle = (name: string) => {
    const next = new Set(chosen);
    if (!next.delete(name)) next.add(name);
    onChoose!(next);
  };
  const chooseAll = onChoose && (
    <input
      type="checkbox"
      aria-label="Choose all that are shown"
      checked={names.length > 0 && allChosen}
      onChange={() => onChoose(allChosen ? new Set() : new Set(names))}
    />
  );
  return (
    <>
      <div class="card-head">
        <States states={rows.map(({ state }) => state)} only={only} onOnly={setOnly} />
        <CopyButton text={names.join("\n")} label="Copy the names of the endpoints shown">
          Copy names
        </CopyButton>
      </div>
      <Table label="Responses" columns={[chooseAll, "Endpoint", "State", "Attempt", "Waited and ran", "Ran", "Answer"]}>
        {matching.slice(0, shown).map(({ response, state }) => (
          <ResponseRow
            key={`${nameOf(response)}/${response.job}`}
            task={task}
            response={response}
            state={state}
            end={end}
            chosen={chosen.has(nameOf(response))}
            onToggle={onChoose ? () => toggle(nameOf(response)) : null}
          />
        ))}
      </Table>
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

const nameOf = (response: TaskResponse) => response.endpoint ?? "*";

/** The number of responses in each status. A press filters by it. */
function States(props: { states: readonly CellState[]; only: CellState | null; onOnly(only: CellState | null): void }) {
  const counts = new Map<CellState, number>();
  for (const state of props.states) counts.set(state, (counts.get(state) ?? 0) + 1);
  return (
    <div class="chips" role="group" aria-label="Show only">
      {[...counts].map(([state, count]) => (
        <button
          type="button"
          key={state}
          class="chip"
          aria-pressed={props.only === state}
          onClick={() => props.onOnly(props.only === state ? null : state)}
        >
          <Badge state={state} /> <span class="num muted">{count}</span>
        </button>
      ))}
    </div>
  );
}

function ResponseRow(props: {
  task: Task;
  response: TaskResponse;
  state: CellState;
  end: number;
  chosen: boolean;
  onToggle: (() => void) | null;
}) {
  const { task, response, chosen, onToggle } = props;
  const name = nameOf(response);
  // Between two attempts nothing runs.
  const ran = response.status === "retrying" ? null : between(response.started_at, response.finished_at);
  return (
    <tr class={chosen ? "picked" : ""} data-endpoint={name}>
      {onToggle && (
        <td data-label="Choose">
          <input type="checkbox" aria-label={`Choose ${name}`} checked={chosen} onChange={onToggle} />
        </td>
      )}
      <th scope="row">
        <a href={href(["tasks", task.type, task.id, "responses", name])}>{name === "*" ? "any one" : name}</a>
        {response.job && <span class="muted"> {response.job}</span>}
      </th>
      <td data-label="State">
        <Badge state={props.state} more={more(response, props.state)} />
      </td>
      <td data-label="Attempt" class="num nowrap">
        {response.attempt} of {response.attempts}
      </td>
      <td data-label="Waited and ran">
        <Gantt task={task} response={response} end={props.end} />
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
}

function more(response: TaskResponse, state: CellState): string | undefined {
  if (state === "running" && response.progress > 0) return `${Math.round(response.progress * 100)} %`;
  if (response.late) return "late";
  return response.status === "expected" ? "not started" : undefined;
}

function preview(response: TaskResponse): string {
  if (response.error)
    return `${response.reason && response.reason !== "error" ? `${response.reason}: ` : ""}${response.error.split("\n")[0]}`;
  if (response.result_text) return response.result_text.slice(0, 200);
  if (response.result !== null && response.result !== undefined) return writeExact(response.result).slice(0, 200);
  return response.reason ?? "";
}
