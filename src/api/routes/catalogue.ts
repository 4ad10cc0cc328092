import { TaskerError } from "../../errors";
import { NAME } from "../../model/names";
import { checked, renameBody } from "../../tasks/requests/request";
import { endpointView, openView, removedView, renamedView, typeView } from "../catalogue-views";
import type { Call } from "../request/call";
import { noQuery, removeQuery } from "../request/query";
import { noCache, noStore, type Reply } from "../request/reply";
import { list } from "./lists";

/** `GET /types` → the task types that the key may touch. */
export async function listTypes(call: Call): Promise<Reply> {
  call.queryAs(noQuery);
  const { types } = call.identity;
  const shown = call.api.service.types().filter((type) => types === null || types.includes(type.name));
  const items = shown.map((type) => JSON.stringify(typeView(type.config)));
  return list(call, items, null);
}

/** `GET /types/:taskType` → one type, who is registered for it, and what is open. */
export async function readType(call: Call): Promise<Reply> {
  call.queryAs(noQuery);
  const { config, registered, open } = await call.api.service.typeReading(call.taskType);
  return noCache(JSON.stringify({ ...typeView(config), registered, open: openView(open) }));
}

/** `GET /endpoints` */
export async function listEndpoints(call: Call): Promise<Reply> {
  call.queryAs(noQuery);
  const endpoints = await call.api.service.endpoints(call.identity.types);
  const items = endpoints.map((endpoint) => JSON.stringify(endpointView(endpoint, call.identity)));
  return list(call, items, null);
}

/** `GET /endpoints/:name` */
export async function readEndpoint(call: Call): Promise<Reply> {
  call.queryAs(noQuery);
  const endpoint = await call.api.service.endpoint(nameOf(call), call.identity.types);
  return noCache(JSON.stringify(endpointView(endpoint, call.identity)));
}

/**
 * `DELETE /endpoints/:name[?dry_run=true]` → 202: it is removed, and what it owed is final; 200: a
 * dry run, or it had been removed before and owed nothing.
 */
export async function removeEndpoint(call: Call): Promise<Reply> {
  const { dry_run: dryRun } = call.queryAs(removeQuery);
  await call.bodyAs(noQuery);
  assertAllTypes(call);
  const name = nameOf(call);
  const removed = await call.api.service.removeEndpoint(name, { dryRun });
  const view = removedView(removed);
  if (dryRun) return noStore(200, view);
  const owed = Object.values(removed.open).reduce((sum, count) => sum + count, 0);
  call.audit("endpoint.remove", null, { endpoint: name, ended: owed, types: removed.types.join(",") });
  return noStore(removed.ended || owed > 0 ? 202 : 200, view);
}

/** `POST /endpoints/:name/rename {"name": …}` → 202; 409: it is at work, or the name is taken. */
export async function renameEndpoint(call: Call): Promise<Reply> {
  call.queryAs(noQuery);
  assertAllTypes(call);
  const name = nameOf(call);
  const { name: to } = checked(renameBody, (await call.json()).value, "The request");
  const renamed = await call.api.service.renameEndpoint(name, to);
  call.audit("endpoint.rename", null, { endpoint: name, to, moved: renamed.moved });
  return noStore(202, renamedView(renamed), ["Location", `${call.api.basePath}/endpoints/${to}`]);
}

/** An endpoint concerns all types: a key that is limited to some may not change it. */
function assertAllTypes({ identity }: Call): void {
  if (identity.types === null) return;
  throw new TaskerError("forbidden", "The API key may touch some task types only; an endpoint concerns all of them");
}

function nameOf({ params }: Call): string {
  const name = params.name!;
  if (NAME.test(name)) return name;
  throw new TaskerError("endpoint_not_found", `There is no endpoint ${JSON.stringify(name.slice(0, 80))}`);
}
