import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import type { RetryStatus, TaskSummary } from "../../../client/types";
import { messageOf, type Query } from "../../api/http";
import { session } from "../../api/session";
import { Dialog } from "../../app/dialog";
import { Text } from "../../parts/text";
import { type BulkAction, type BulkProgress, cancelOne, findAll, retryOne, workThrough } from "./bulk-work";

const RETRIABLE: ReadonlyArray<readonly [RetryStatus, string]> = [
  ["failed", "failed"],
  ["missed", "missed (expired)"],
  ["expected", "missing (not received)"],
  ["cancelled", "cancelled"],
];

interface Props {
  action: BulkAction;
  /** The chosen tasks; null: all that match the query. */
  chosen: readonly TaskSummary[] | null;
  query: Query;
  filter: string;
  onClose(done: boolean): void;
}

const tasksOf = (count: number) => `${count} ${count === 1 ? "task" : "tasks"}`;

/** Counts, asks for confirmation, then works with progress; can be stopped. */
export function Bulk(props: Props) {
  const { action } = props;
  const [tasks, setTasks] = useState(props.chosen);
  const [progress, setProgress] = useState<BulkProgress | null>(null);
  const stop = useRef(new AbortController()).current;

  const run = (statuses: RetryStatus[]) => {
    const act = action === "retry" ? (task: TaskSummary) => retryOne(task, statuses) : cancelOne;
    void workThrough(tasks!, act, stop.signal, setProgress);
  };
  const close = () => {
    stop.abort();
    props.onClose(progress !== null);
  };
  const verb = action === "retry" ? "Retry" : "Cancel";
  return (
    <Dialog title={`${verb} ${props.chosen ? "the selected tasks" : "all tasks that match"}`} onClose={close}>
      <div class="stack bulk">
        {!props.chosen && (
          <p class="muted">
            Filter: <Text value={props.filter || "none, every task"} />
          </p>
        )}
        {tasks === null ? (
          <Count action={action} query={props.query} signal={stop.signal} onFound={setTasks} onClose={close} />
        ) : progress === null ? (
          <Ask action={action} count={tasks.length} onRun={run} onClose={close} />
        ) : (
          <Work action={action} count={tasks.length} progress={progress} onClose={close} />
        )}
      </div>
    </Dialog>
  );
}

function Count(props: {
  action: BulkAction;
  query: Query;
  signal: AbortSignal;
  onFound(tasks: TaskSummary[]): void;
  onClose(): void;
}) {
  const { signal } = props;
  const [looked, setLooked] = useState(0);
  const [error, setError] = useState("");
  const count = async () => {
    setError("");
    setLooked(0);
    try {
      const more = (count: number) => setLooked((before) => before + count);
      props.onFound(await findAll(props.query, props.action, signal, more));
    } catch (failure) {
      if (!signal.aborted) setError(messageOf(failure));
    }
  };
  return (
    <>
      <p role="status">{looked === 0 ? "They are counted before anything happens." : `Looked at ${looked} …`}</p>
      {error && <p class="bad-text">{error}</p>}
      <Actions onClose={props.onClose} close="Close">
        <button type="button" class="btn primary" disabled={looked > 0 && !error} onClick={count}>
          Count them
        </button>
      </Actions>
    </>
  );
}

function Ask(props: { action: BulkAction; count: number; onRun(statuses: RetryStatus[]): void; onClose(): void }) {
  const { action, count } = props;
  const [statuses, setStatuses] = useState<RetryStatus[]>(["failed", "missed", "expected"]);
  const [typed, setTyped] = useState("");
  const retry = action === "retry";
  const asksCount = session.value?.run_mode === "production" && !retry;
  const ready = count > 0 && (retry ? statuses.length > 0 : !asksCount || typed === String(count));
  return (
    <>
      <p class="strong" role="status">
        {count === 0
          ? `There is nothing to ${action}.`
          : `${tasksOf(count)} will be ${retry ? "retried" : "cancelled"}.`}
      </p>
      {retry ? (
        <Statuses value={statuses} onChange={setStatuses} />
      ) : (
        <p class="muted">
          What runs is told to stop, what waits is withdrawn. This cannot be undone; a retry starts again.
        </p>
      )}
      {asksCount && (
        <label class="field">
          <span>This is production. Type the number of tasks:</span>
          <input value={typed} inputMode="numeric" onInput={(event) => setTyped(event.currentTarget.value)} />
        </label>
      )}
      <Actions onClose={props.onClose} close="Leave them">
        <button
          type="button"
          class={`btn ${retry ? "primary" : "danger"}`}
          disabled={!ready}
          onClick={() => props.onRun(statuses)}
        >
          {retry ? "Retry" : "Cancel"} {tasksOf(count)}
        </button>
      </Actions>
    </>
  );
}

function Work(props: { action: BulkAction; count: number; progress: BulkProgress; onClose(): void }) {
  const { count, progress } = props;
  return (
    <>
      <progress max={count} value={progress.done} aria-label="Tasks done" />
      <p role="status">
        {progress.done} of {count} done, {progress.changed}{" "}
        {props.action === "retry" ? "responses opened again" : "responses withdrawn or told to stop"}
        {progress.failures.length > 0 && `, ${progress.failures.length} refused`}
      </p>
      {progress.failures.slice(0, 20).map((line) => (
        <p class="small bad-text" key={line}>
          <Text value={line} />
        </p>
      ))}
      <div class="actions">
        <button type="button" class="btn primary" onClick={props.onClose}>
          {progress.over ? "Close" : "Stop here"}
        </button>
      </div>
    </>
  );
}

function Actions(props: { close: string; onClose(): void; children: ComponentChildren }) {
  return (
    <div class="actions">
      {props.children}
      <button type="button" class="btn" onClick={props.onClose}>
        {props.close}
      </button>
    </div>
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
