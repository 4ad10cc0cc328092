import { useRef, useState } from "preact/hooks";
import type { RetryStatus, TaskSummary } from "../../../client/types";
import { cancelTask, listTasks, retryTask } from "../../api/calls";
import { messageOf, type Query } from "../../api/http";
import { session } from "../../api/session";
import { Dialog } from "../../app/dialog";
import { Text } from "../../parts/text";

export type BulkAction = "retry" | "cancel";
const AT_ONCE = 4;
const RETRIABLE: ReadonlyArray<readonly [RetryStatus, string]> = [
  ["failed", "failed"],
  ["missed", "missed (expired)"],
  ["expected", "missing (not received)"],
  ["cancelled", "cancelled"],
];

interface Props {
  action: BulkAction;
  /** The chosen ones, or null: all that match the query. */
  chosen: readonly TaskSummary[] | null;
  query: Query;
  filter: string;
  onClose(done: boolean): void;
}

/** Counts first, then asks with the count, then works through it showing how far it is; stops when told to. */
export function Bulk(props: Props) {
  const [tasks, setTasks] = useState<readonly TaskSummary[] | null>(props.chosen);
  const [counted, setCounted] = useState(0);
  const [statuses, setStatuses] = useState<RetryStatus[]>(["failed", "missed", "expected"]);
  const [progress, setProgress] = useState<{ done: number; changed: number; failures: string[]; over: boolean } | null>(
    null,
  );
  const [typed, setTyped] = useState("");
  const [error, setError] = useState("");
  const stop = useRef(new AbortController());

  const count = async () => {
    setError("");
    const found: TaskSummary[] = [];
    try {
      for (let after: string | null = null; ; ) {
        const page = await listTasks({ ...props.query, limit: 100, after }, stop.current.signal);
        for (const task of page.items) if (worthIt(task, props.action)) found.push({ ...task, payload: null });
        setCounted((before) => before + page.items.length);
        if (!page.next) break;
        after = page.next;
      }
      setTasks(found);
    } catch (failure) {
      if (!stop.current.signal.aborted) setError(messageOf(failure));
    }
  };

  const run = async () => {
    const state = { done: 0, changed: 0, failures: [] as string[], over: false };
    const queue = [...tasks!];
    const worker = async () => {
      for (let task = queue.shift(); task && !stop.current.signal.aborted; task = queue.shift()) {
        try {
          const changed = await act(task, props.action, statuses);
          state.changed += changed;
        } catch (failure) {
          state.failures.push(`${task.identifier}: ${messageOf(failure)}`);
        }
        state.done++;
        setProgress({ ...state });
      }
    };
    setProgress({ ...state });
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    setProgress({ ...state, over: true });
  };

  const close = () => {
    stop.current.abort();
    props.onClose(progress !== null);
  };
  const verb = props.action === "retry" ? "Retry" : "Cancel";
  const asksWord = session.value?.run_mode === "production" && props.action === "cancel";
  return (
    <Dialog title={`${verb} ${props.chosen ? "the selected tasks" : "all tasks that match"}`} onClose={close}>
      <div class="stack bulk">
        {!props.chosen && (
          <p class="muted">
            Filter: <Text value={props.filter || "none, every task"} />
          </p>
        )}
        {tasks === null ? (
          <>
            <p role="status">
              {counted === 0 ? "They are counted before anything happens." : `Looked at ${counted} …`}
            </p>
            {error && <p class="bad-text">{error}</p>}
            <div class="actions">
              <button type="button" class="btn primary" disabled={counted > 0 && !error} onClick={count}>
                Count them
              </button>
              <button type="button" class="btn" onClick={close}>
                Close
              </button>
            </div>
          </>
        ) : progress === null ? (
          <>
            <p class="strong" role="status">
              {tasks.length === 0
                ? `There is nothing to ${props.action}.`
                : `${tasks.length} ${tasks.length === 1 ? "task" : "tasks"} will be ${props.action === "retry" ? "retried" : "cancelled"}.`}
            </p>
            {props.action === "retry" && <Statuses value={statuses} onChange={setStatuses} />}
            {props.action === "cancel" && (
              <p class="muted">
                What runs is told to stop, what waits is withdrawn. This cannot be taken back; a retry begins anew.
              </p>
            )}
            {asksWord && (
              <label class="field">
                <span>This is production. Type the number of tasks:</span>
                <input value={typed} inputMode="numeric" onInput={(event) => setTyped(event.currentTarget.value)} />
              </label>
            )}
            <div class="actions">
              <button
                type="button"
                class={`btn ${props.action === "retry" ? "primary" : "danger"}`}
                disabled={
                  tasks.length === 0 ||
                  (props.action === "retry" && statuses.length === 0) ||
                  (asksWord && typed !== String(tasks.length))
                }
                onClick={run}
              >
                {verb} {tasks.length} {tasks.length === 1 ? "task" : "tasks"}
              </button>
              <button type="button" class="btn" onClick={close}>
                Leave them
              </button>
            </div>
          </>
        ) : (
          <>
            <progress max={tasks.length} value={progress.done} aria-label="Tasks done" />
            <p role="status">
              {progress.done} of {tasks.length} done, {progress.changed}{" "}
              {props.action === "retry" ? "responses opened again" : "responses withdrawn or told to stop"}
              {progress.failures.length > 0 && `, ${progress.failures.length} refused`}
            </p>
            {progress.failures.slice(0, 20).map((line) => (
              <p class="small bad-text" key={line}>
                <Text value={line} />
              </p>
            ))}
            <div class="actions">
              <button type="button" class="btn primary" onClick={close}>
                {progress.over ? "Close" : "Stop here"}
              </button>
            </div>
          </>
        )}
      </div>
    </Dialog>
  );
}

function Statuses(props: { value: RetryStatus[]; onChange(value: RetryStatus[]): void }) {
  const toggle = (status: RetryStatus) =>
    props.onChange(
      props.value.includes(status) ? props.value.filter((one) => one !== status) : [...props.value, status],
    );
  return (
    <fieldset>
      <legend>Of each task, the responses that are</legend>
      {RETRIABLE.map(([status, label]) => (
        <p key={status}>
          <label>
            <input type="checkbox" checked={props.value.includes(status)} onChange={() => toggle(status)} /> {label}
          </label>
        </p>
      ))}
    </fieldset>
  );
}

function worthIt(task: TaskSummary, action: BulkAction): boolean {
  const { completeness: c } = task;
  return action === "retry" ? c.failed + c.missing.length + c.cancelled > 0 : !c.complete;
}

async function act(task: TaskSummary, action: BulkAction, statuses: RetryStatus[]): Promise<number> {
  if (action === "retry") return (await retryTask(task.type, task.id, { statuses })).reopened.length;
  const { outcomes } = await cancelTask(task.type, task.id);
  return outcomes.filter((one) => one.outcome !== "finished").length;
}
