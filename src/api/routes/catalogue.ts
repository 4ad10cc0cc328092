import { TaskerError } from "../../errors";
import { NAME } from "../../model/names";
import { endpointView, openView, typeView } from "../catalogue-views";
import type { Call } from "../request/call";
import { noQuery } from "../request/query";
import type { Reply } from "../request/reply";
import { list } from "./lists";

/** `GET /types` → the task types that the key may touch. */
export async function listTypes(call: Call): Promise<Reply> {
  call.queryAs(noQuery);
  const { types } = call.identity;
  const shown = call.api.service.types().filter((type) => types === null || types.includes(type.name));
  return list(
    call,
    shown.map((type) => JSON.stringify(typeView(type.config))),
    null,
  );
}

/** `GET /types/:taskType` → one type, who is registered for it, and what is open. */
export async function readType(call: Call): Promise<Reply> {
  call.queryAs(noQuery);
  const reading = await call.api.service.typeReading(call.params.taskType!);
  const view = { ...typeView(reading.config), registered: reading.registered, open: openView(reading.open) };
  return json(view);
}

/** `GET /endpoints` */
export async function listEndpoints(call: Call): Promise<Reply> {
  call.queryAs(noQuery);
  const endpoints = await call.api.service.endpoints(call.identity.types);
  return list(
    call,
    endpoints.map((endpoint) => JSON.stringify(endpointView(endpoint, call.identity))),
    null,
  );
}

/** `GET /endpoints/:name` */
export async function readEndpoint(call: Call): Promise<Reply> {
  call.queryAs(noQuery);
  const name = call.params.name!;
  if (!NAME.test(name)) {
    throw new TaskerError("endpoint_not_found", `There is no endpoint ${JSON.stringify(name.slice(0, 80))}`);
  }
  return json(endpointView(await call.api.service.endpoint(name, call.identity.types), call.identity));
}

function json(view: Record<string, unknown>): Reply {
  return { status: 200, headers: ["Cache-Control", "private, no-cache"], body: JSON.stringify(view) };
}
