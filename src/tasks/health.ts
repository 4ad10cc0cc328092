import type { Config } from "../config/config";
import type { Store } from "../store/store";
import type { Transport } from "../transport/transport";
import type { Backlog } from "./backlog";
import type { Reconciler } from "./reconcile";
import type { ServiceHealth } from "./service";

/** A reconciler that has not got through a tick for so long is reported as not ready. */
const REAPER_LAG_MS = 15_000;

/** What `/readyz` shows: each check with its figures; ready only when all are well. Never rejects. */
export async function healthOf(
  config: Config,
  store: Store,
  transport: Transport,
  backlog: Backlog,
  reconciler: Reconciler,
): Promise<ServiceHealth> {
  const database = await store.ping(2000).then(
    () => ({ ok: true }),
    (error: Error) => ({ ok: false, detail: error.message }),
  );
  const wire = transport.health();
  const lag = Math.round(performance.now() - reconciler.lastTick);
  const { unpublished, oldestUnpublishedMs, oldestWaitingMs } = backlog.latest;
  const checks: ServiceHealth["checks"] = {
    database,
    broker: { ok: wire.connected && !wire.blocked, connected: wire.connected, blocked: wire.blocked },
    outbox: {
      ok: unpublished < config.api.outboxLimit,
      unpublished,
      oldest_seconds: Math.round(oldestUnpublishedMs / 1000),
      oldest_waiting_seconds: Math.round(oldestWaitingMs / 1000),
    },
    reconciler: { ok: !reconciler.leading || lag < REAPER_LAG_MS, leading: reconciler.leading, lag_ms: lag },
  };
  return { ready: Object.values(checks).every((check) => check.ok), checks };
}
