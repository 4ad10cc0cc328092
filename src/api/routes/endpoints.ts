import { TaskerError } from "../../errors";
import { NAME } from "../../model/names";
import { checked, renameBody } from "../../tasks/requests/request";
import { removedView, renamedView } from "../catalogue-views";
import type { Call } from "../request/call";
import { noQuery, removeQuery } from "../request/query";
import type { Reply } from "../request/reply";
import { nothingIn } from "./actions";

/**
 * `DELETE /endpoints/:name[?dry_run=true]` → 202: it is removed, and what it owed is final; 200: a dry run, or it had been removed
 * before and owed nothing.
 */
export async function removeEndpoint(call: Call): Promise<Reply> {
  const { dry_run: dryRun } = call.queryAs(removeQuery);
  await nothingIn(call);
  const name = nameOf(call);
  const removed = await call.api.service.removeEndpoint(name, { dryRun });
  const view = removedView(removed);
  const owed = Object.values(removed.open).reduce((sum, count) => sum + count, 0);
  if (dryRun) return json(200, view);
  call.audit("endpoint.remove", null, { endpoint: name, ended: owed, types: removed.types.join(",") });
  return json(removed.ended || owed > 0 ? 202 : 200, view);
}

/** `POST /endpoints/:name/rename {"name": …}` → 202; 409 while it is at work, or where the other name is taken. */
export async function renameEndpoint(call: Call): Promise<Reply> {
  call.queryAs(noQuery);
  const name = nameOf(call);
  const { name: to } = checked(renameBody, (await call.json()).value, "The request");
  const renamed = await call.api.service.renameEndpoint(name, to);
  call.audit("endpoint.rename", null, { endpoint: name, to, moved: renamed.moved });
  const reply = json(202, renamedView(renamed));
  reply.headers!.push("Location", `${call.api.basePath}/endpoints/${to}`);
  return reply;
}

/** An endpoint is everybody's: whoever may touch some types only has no say in it. */
function nameOf(call: Call): string {
  if (call.identity.types !== null)
    throw new TaskerError("forbidden", "The API key may touch some task types only; an endpoint concerns all of them");
  const name = call.params.name!;
  if (NAME.test(name)) return name;
  throw new TaskerError("endpoint_not_found", `There is no endpoint ${JSON.stringify(name.slice(0, 80))}`);
}

function json(status: number, view: Record<string, unknown>): Reply {
  return { status, headers: ["Cache-Control", "no-store"], body: JSON.stringify(view) };
}
