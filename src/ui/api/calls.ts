import { call, get, post, type Query } from "./http";
import type { Endpoint, Health, LogChunk, Page, ResponseDetail, Task, TaskResponse, TaskType } from "./types";

/** The requests that these pages make, one function each. All reject with ApiError. */

const enc = encodeURIComponent;
export const taskPath = (type: string, id: string) => `${enc(type)}/${enc(id)}`;

export function listTasks(query: Query, signal?: AbortSignal): Promise<Page<Task>> {
  const { type, ...rest } = query;
  return get(typeof type === "string" && type !== "" ? enc(type) : "tasks", rest, signal);
}

export const readTask = (type: string, id: string, signal?: AbortSignal) => get<Task>(taskPath(type, id), {}, signal);

/** All responses of a task, page by page (a task's own answer carries at most 100). */
export async function allResponses(type: string, id: string, signal?: AbortSignal): Promise<TaskResponse[]> {
  const found: TaskResponse[] = [];
  for (let after: string | null = null; ; ) {
    const page: Page<TaskResponse> = await get(`${taskPath(type, id)}/responses`, { limit: 100, after }, signal);
    found.push(...page.items);
    if (!page.next) return found;
    after = page.next;
  }
}

export const readResponse = (type: string, id: string, endpoint: string, signal?: AbortSignal) =>
  get<ResponseDetail>(`${taskPath(type, id)}/responses/${enc(endpoint)}`, {}, signal);

export const readLog = (type: string, id: string, endpoint: string, query: Query, signal?: AbortSignal) =>
  get<Page<LogChunk>>(`${taskPath(type, id)}/responses/${enc(endpoint)}/log`, query, signal);

export const retryTask = (type: string, id: string, choose: { endpoints?: string[]; statuses?: string[] }) =>
  post<{ task: Task; reopened: unknown[] }>(`${taskPath(type, id)}/retry`, choose);
export const cancelTask = (type: string, id: string) =>
  post<{ task: Task; outcomes: Array<{ outcome: string }> }>(`${taskPath(type, id)}/cancel`, {});
export const submitTask = (type: string, body: unknown) => post<Task>(enc(type), body);

export const listTypes = (signal?: AbortSignal) => get<Page<TaskType>>("types", {}, signal);
export const readType = (name: string, signal?: AbortSignal) => get<TaskType>(`types/${enc(name)}`, {}, signal);
export const listEndpoints = (signal?: AbortSignal) => get<Page<Endpoint>>("endpoints", {}, signal);
export const readEndpoint = (name: string, signal?: AbortSignal) => get<Endpoint>(`endpoints/${enc(name)}`, {}, signal);
export const readHealth = (signal?: AbortSignal) =>
  call<Health>("GET", "readyz", undefined, { signal, alsoFine: [503] });
