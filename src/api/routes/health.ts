import { TaskerError } from "../../errors";
import type { Call } from "../request/call";
import { noStore, type Reply } from "../request/reply";

/** `GET /livez` → the process answers. A restart repairs neither database nor broker. */
export async function livez(): Promise<Reply> {
  return noStore(200, { status: "alive" });
}

/** `GET /readyz` → 200 when work can be taken, else 503; the checks say why. */
export async function readyz(call: Call): Promise<Reply> {
  const { api } = call;
  const { ready, checks } = await api.service.health();
  const fit = ready && !api.draining;
  const status = api.draining ? "draining" : fit ? "ready" : "not_ready";
  return noStore(fit ? 200 : 503, { status, ready: fit, checks });
}

/** `GET /metrics` → Prometheus text of all task types: not for keys that are limited to some. */
export async function metrics(call: Call): Promise<Reply> {
  if (call.identity.types !== null) {
    throw new TaskerError(
      "forbidden",
      "The metrics are of all task types, and this key is limited to some: scrape with a key that is not",
    );
  }
  const { metrics: all } = call.api;
  const headers = ["Cache-Control", "no-store"];
  return { status: 200, headers, body: await all.text(), contentType: all.registry.contentType };
}
