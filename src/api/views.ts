import type { Completeness } from "../model/completeness";
import { isJson } from "../model/json/json";
import { ANY_ENDPOINT } from "../model/names";
import type { AttemptRecord, ResponseKey, ResponseRecord } from "../model/response";
import { isFinal } from "../model/response";
import type { TaskRecord } from "../model/task";
import type { ResponseBrief, ResponseChange } from "../store/store";
import type { CancelResult, TaskReading } from "../tasks/service";
import { fields } from "./catalogue-views";

/**
 * Records → the JSON text of the HTTP contract. Payloads and results are stored as JSON text and
 * are put in as they are: writing them anew would cost time and change numbers beyond 2^53. Each is
 * checked to be JSON, for another program may have written the row.
 */

/** A task with more responses than this shows the first of those that have not succeeded. */
export const MAX_RESPONSES = 100;
/** Payloads that are longer (characters) are left out of lists. */
export const MAX_LISTED_PAYLOAD = 16 * 1024;

const text = JSON.stringify as (value: string) => string;
const orNull = (value: string | null) => (value === null ? "null" : text(value));
/** For times and names, which need no escapes. */
const plain = (value: string | null) => (value === null ? "null" : `"${value}"`);

/** A row's result: JSON, or else its text, and why it is not JSON. */
function resultFields(row: { result: string | null; resultText: string | null; error: string | null }): string {
  const { result, resultText, error } = row;
  if (result === null || isJson(result))
    return `"result":${result ?? "null"},"result_text":${orNull(resultText)},"error":${orNull(error)}`;
  const sentence = "The stored result is not JSON: another program wrote it against the contract. It is shown as text.";
  return `"result":null,"result_text":${text(resultText ?? result)},"error":${text(error ?? sentence)}`;
}

export function taskPath(basePath: string, task: { type: string; id: string }): string {
  return `${basePath}/${task.type}/${task.id}`;
}

/** @param shown.responses false: for a key that may create tasks and not read them */
export function taskView(
  reading: TaskReading<ResponseRecord>,
  basePath: string,
  shown: { responses: boolean } = { responses: true },
): string {
  const { task, responses } = reading;
  if (!shown.responses) return `{${taskFields(reading, task.payload)},"responses":[]}`;
  if (responses.length <= MAX_RESPONSES) {
    return `{${taskFields(reading, task.payload)},"responses":[${responsesView(task, responses)}]}`;
  }
  const first = responses.filter((row) => row.status !== "succeeded").slice(0, MAX_RESPONSES);
  const link = text(`${taskPath(basePath, task)}/responses`);
  return `{${taskFields(reading, task.payload)},"responses":[${responsesView(task, first)}],"responses_link":${link}}`;
}

/** A task in a list. A long payload is null, and `payload_omitted` says so. */
export function taskItemView(reading: TaskReading<ResponseBrief>, withResponses = false): string {
  const { payload } = reading.task;
  const fields =
    payload.length <= MAX_LISTED_PAYLOAD
      ? taskFields(reading, payload)
      : `${taskFields(reading, "null")},"payload_omitted":true`;
  if (!withResponses) return `{${fields}}`;
  return `{${fields},"responses":[${reading.responses.map((row) => responseBriefView(row)).join(",")}]}`;
}

/** A response in a list. `version` is compared with that of the changes in the event stream. */
function responseBriefView(row: ResponseBrief): string {
  return `{${standingFields(row)},${timeFields(row)},"version":${row.version}}`;
}

function standingFields(row: ResponseBrief): string {
  return (
    `"endpoint":${plain(endpointOf(row))},"job":${plain(row.job || null)},"status":"${row.status}",` +
    `"reason":${orNull(row.reason)},"attempt":${row.attempt},"attempts":${row.attempts},` +
    `"progress":${row.status === "succeeded" ? 1 : row.progress}`
  );
}

function timeFields(row: ResponseBrief): string {
  return (
    `"received_at":${plain(row.receivedAt)},"started_at":${plain(row.startedAt)},` +
    `"finished_at":${plain(row.finishedAt)},"retry_at":${plain(row.retryAt)}`
  );
}

function taskFields(reading: TaskReading<ResponseBrief>, payload: string): string {
  const { task, state, responses } = reading;
  const endpoints = [...new Set(responses.map((row) => row.endpoint))];
  return (
    `"id":"${task.id}","type":"${task.type}","identifier":${text(task.identifier)},"payload":${isJson(payload) ? payload : "{}"},` +
    `"endpoints":[${endpoints.map(plain).join(",")}],` +
    `"status":"${state.status}","settled":${state.settled},"progress":${state.progress},` +
    `"created_at":${plain(task.createdAt)},"delay_until":${plain(task.delayUntil)},` +
    `"published_at":${plain(task.publishedAt)},"started_at":${plain(state.startedAt)},` +
    `"finished_at":${plain(state.finishedAt)},"completeness":${completenessView(state.completeness)}`
  );
}

function completenessView(counts: Completeness): string {
  return (
    `{"expected":${counts.expected},"received":${counts.received},"running":${counts.running},` +
    `"succeeded":${counts.succeeded},"failed":${counts.failed},"cancelled":${counts.cancelled},` +
    `"missing":[${counts.missing.map(plain).join(",")}],"complete":${counts.complete}}`
  );
}

function responsesView(task: TaskRecord, rows: readonly ResponseRecord[]): string {
  return rows.map((row) => responseView(task, row)).join(",");
}

export function responseView(task: TaskRecord, row: ResponseRecord): string {
  return `{${responseFields(task, row)}}`;
}

/** Of a `deliver: one` task: null until an endpoint claims it. */
export function endpointOf(row: { endpoint: string; performer: string | null }): string | null {
  return row.endpoint === ANY_ENDPOINT ? row.performer : row.endpoint;
}

function responseFields(task: TaskRecord, row: ResponseRecord): string {
  const late = row.receivedAt !== null && row.receivedAt > task.waitUntil;
  return `${standingFields(row)},${resultFields(row)},"late":${late},${timeFields(row)}`;
}

/** One response with all there is to know, and its history, oldest attempt first. */
export function responseDetailView(task: TaskRecord, row: ResponseRecord, attempts: readonly AttemptRecord[]): string {
  const history = attempts.filter((attempt) => attempt.job === row.job).map(attemptView);
  const current = currentAttempt(row, attempts);
  if (current) history.push(current);
  return (
    `{${responseFields(task, row)},"task_id":"${row.taskId}","type":"${task.type}",` +
    `"progress_message":${orNull(row.progressMessage)},"generation":${row.generation},` +
    `"cancel_at":${plain(row.cancelAt)},"history":[${history.join(",")}]}`
  );
}

/** The latest attempt stands in the response itself until the next begins. */
function currentAttempt(row: ResponseRecord, attempts: readonly AttemptRecord[]): string | null {
  if (row.attempt === 0 || row.startedAt === null) return null;
  const recorded = attempts.some(
    (known) =>
      known.job === row.job &&
      known.generation === row.generation &&
      known.attempt === row.attempt &&
      // An attempt that was given back and not charged has the same number and another lease.
      (row.leaseId === null || known.leaseId === row.leaseId) &&
      known.outcome !== "superseded",
  );
  if (recorded) return null;
  const outcome = isFinal(row.status) ? row.status : row.status === "retrying" ? "failed" : "running";
  return attemptView({ ...row, outcome });
}

type Shared = keyof AttemptRecord & keyof ResponseRecord;

function attemptView(attempt: Pick<ResponseRecord, Shared> & { outcome: string }): string {
  return (
    `{"generation":${attempt.generation},"attempt":${attempt.attempt},"outcome":"${attempt.outcome}",` +
    `"endpoint":${plain(endpointOf(attempt))},"reason":${orNull(attempt.reason)},${resultFields(attempt)},` +
    `"started_at":${plain(attempt.startedAt)},"finished_at":${plain(attempt.finishedAt)}}`
  );
}

/** `{items, next}` from item texts. */
export function listView(items: readonly string[], next: string | null): string {
  return `{"items":[${items.join(",")}],"next":${orNull(next)}}`;
}

export function outcomeView(outcome: CancelResult): string {
  return `{"endpoint":${plain(endpointOf(outcome))},"job":${plain(outcome.job || null)},"outcome":"${outcome.outcome}","status":"${outcome.status}"}`;
}

export function keyView(key: ResponseKey): string {
  return `{"endpoint":${plain(key.endpoint === ANY_ENDPOINT ? null : key.endpoint)},"job":${plain(key.job || null)}}`;
}

export function changeView(change: ResponseChange): string {
  return JSON.stringify({
    ...fields(change, ["taskId", "type"]),
    endpoint: endpointOf(change),
    job: change.job || null,
    ...fields(change, ["status", "reason", "attempt", "attempts"]),
    progress: change.status === "succeeded" ? 1 : change.progress,
    ...fields(change, ["progressMessage", "changedAt", "version"]),
  });
}
