import type {
  CancelOutcome,
  Endpoint,
  EndpointRemoved,
  Health,
  JobsResponse,
  LogChunk,
  Page,
  RetryRequest,
  Task,
  TaskResponse,
  TaskResponseDetail,
  TaskSummary,
  TaskType,
  TaskTypeDetail,
} from "../../client/types";
import { type Query, read, send } from "./http";

/** The requests of the pages, one function each. All reject as `send` does. */

export function listTasks(query: Query, signal?: AbortSignal): Promise<Page<TaskSummary>> {
  const { type, ...rest } = query;
  return read([typeof type === "string" && type !== "" ? type : "tasks"], rest, signal);
}

export const readTask = (type: string, id: string, signal?: AbortSignal) => read<Task>([type, id], {}, signal);

/** All responses of a task, page by page; a task itself carries at most 100. */
export async function allResponses(type: string, id: string, signal?: AbortSignal): Promise<TaskResponse[]> {
  const found: TaskResponse[] = [];
  for (let after: string | null = null; ; ) {
    const page: Page<TaskResponse> = await read([type, id, "responses"], { limit: 100, after }, signal);
    found.push(...page.items);
    if (!page.next) return found;
    after = page.next;
  }
}

export const readResponse = (type: string, id: string, endpoint: string, signal?: AbortSignal) =>
  read<TaskResponseDetail | JobsResponse>([type, id, "responses", endpoint], {}, signal);

export const readLog = (type: string, id: string, endpoint: string, query: Query, signal?: AbortSignal) =>
  read<Page<LogChunk>>([type, id, "responses", endpoint, "log"], query, signal);

/** `refused`: an action that may have been carried out is not repeated. */
const post = <T>(path: string[], body: unknown) => send<T>({ method: "POST", path, body, repeat: "refused" });

export const retryTask = (type: string, id: string, choose: RetryRequest) =>
  post<{ task: Task; reopened: unknown[] }>([type, id, "retry"], choose);
export const cancelTask = (type: string, id: string) =>
  post<{ task: Task; outcomes: CancelOutcome[] }>([type, id, "cancel"], {});
export const submitTask = (type: string, body: unknown) => post<Task>([type], body);

export const listTypes = (signal?: AbortSignal) => read<Page<TaskType>>(["types"], {}, signal);
export const readType = (name: string, signal?: AbortSignal) => read<TaskTypeDetail>(["types", name], {}, signal);
export const listEndpoints = (signal?: AbortSignal) => read<Page<Endpoint>>(["endpoints"], {}, signal);
export const readEndpoint = (name: string, signal?: AbortSignal) => read<Endpoint>(["endpoints", name], {}, signal);
export const removeEndpoint = (name: string) =>
  send<EndpointRemoved>({ method: "DELETE", path: ["endpoints", name], repeat: "refused" });
export const readHealth = (signal?: AbortSignal) => send<Health>({ path: ["readyz"], accept: [503], signal });
