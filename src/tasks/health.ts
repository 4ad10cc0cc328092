import type { Log } from "../log";
import type { Store } from "../store/store";
import type { Transport } from "../transport/transport";
import { Trouble } from "../trouble";
import type { Backlog } from "./backlog";
import type { Reconciler } from "./reconcile/reconcile";
import type { Reports } from "./reports";
import type { ServiceHealth } from "./service";

/** A database that does not answer within this time takes no writes. */
const CHECK_MS = 2000;
/** A leading reconciler is not ready when its last round lies further back. */
const MAX_LAG_MS = 15_000;
/** The age from which what is unpublished, or what no endpoint has received, is an alarm. */
const OUTBOX_ALARM_MS = 60_000;
const WAITING_ALARM_MS = 15 * 60_000;
/** The age from which a report that is not recorded is an alarm. */
const REPORTS_ALARM_MS = 30_000;

/** What is looked at. */
interface Looked {
  store: Store;
  transport: Transport;
  backlog: Backlog;
  reports: Reports;
  reconciler: Reconciler;
}

/** `/readyz`: each check with its figures and limits (docs/alarms.md); ready when all are ok. */
export class Health {
  private readonly trouble: Trouble;

  constructor(
    private readonly looked: Looked,
    log: Log,
  ) {
    this.trouble = new Trouble(log, {
      fails: "the database takes no writes; /readyz says so until it does",
      over: "the database takes writes again",
    });
  }

  /** Never rejects. */
  async read(): Promise<ServiceHealth> {
    const { reconciler, backlog, reports, transport } = this.looked;
    const database = await this.database();
    const wire = transport.health();
    const lag = Math.round(performance.now() - reconciler.lastTick);
    const { unpublished, oldestUnpublishedMs, oldestWaitingMs } = backlog.latest;
    const checks: ServiceHealth["checks"] = {
      database,
      broker: {
        ok: wire.connected && !wire.blocked,
        connected: wire.connected,
        blocked: wire.blocked,
      },
      outbox: {
        ok: unpublished < backlog.limit,
        unpublished,
        limit: backlog.limit,
        ...aged(oldestUnpublishedMs, OUTBOX_ALARM_MS),
      },
      waiting: { ok: true, ...aged(oldestWaitingMs, WAITING_ALARM_MS) },
      ...(reports.exist
        ? { reports: { ok: true, waiting: reports.waiting, ...aged(reports.oldestMs, REPORTS_ALARM_MS) } }
        : {}),
      reconciler: {
        ok: !reconciler.leading || lag < MAX_LAG_MS,
        leading: reconciler.leading,
        lag_ms: lag,
        limit_ms: MAX_LAG_MS,
      },
    };
    return { ready: Object.values(checks).every((check) => check.ok), checks };
  }

  private async database(): Promise<ServiceHealth["checks"][string]> {
    try {
      await this.looked.store.checkWrites({ attempt: true, deadlineMs: CHECK_MS });
      this.trouble.over();
      return { ok: true };
    } catch (error) {
      this.trouble.is(error as Error);
      // Everybody may ask; hosts and users are for the log.
      return { ok: false, detail: "The database takes no writes now; the process's log says why." };
    }
  }
}

/** An alarm is for people: it takes no API out of service, since all of them see the same. */
function aged(oldestMs: number, alarmMs: number): { oldest_seconds: number; alarm_seconds: number; alarm: boolean } {
  return {
    oldest_seconds: Math.round(oldestMs / 1000),
    alarm_seconds: alarmMs / 1000,
    alarm: oldestMs >= alarmMs,
  };
}
