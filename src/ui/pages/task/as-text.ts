import type { Task } from "../../../client/types";
import { writeExact } from "../../../model/json/exact-json";
import { apiUrl } from "../../api/http";
import { shellQuote } from "../../parts/copy";

/** The request as a command. With the same identifier it means this task. */
export function asCurl(task: Task): string {
  const body = { identifier: task.identifier, payload: task.payload ?? {}, ...named(task) };
  return [
    `curl -X POST ${shellQuote(apiUrl(task.type).href)}`,
    "-H 'content-type: application/json'",
    `-d ${shellQuote(writeExact(body))}`,
  ].join(" ");
}

export function asCommand(task: Task): string {
  const parts = ["npx tasker submit", task.type, "--identifier", shellQuote(task.identifier)];
  if (task.payload && Object.keys(task.payload).length > 0)
    parts.push("--payload", shellQuote(writeExact(task.payload)));
  const { endpoints } = named(task);
  if (endpoints) parts.push("--endpoint", endpoints.join(","));
  return `${parts.join(" ")} --wait`;
}

function named(task: Task): { endpoints?: string[] } {
  return task.endpoints.includes("*") ? {} : { endpoints: task.endpoints };
}
