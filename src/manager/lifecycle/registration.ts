import { EventEmitter } from "node:events";
import { hostname } from "node:os";
import { backoffMs, pause, RECONNECT } from "../../backoff";
import { EndpointEnded } from "../../errors";
import { newId } from "../../model/ids";
import type { ManagerRegistration } from "../../store/store";
import { Trouble } from "../../trouble";
import { VERSION } from "../../version";
import type { Attempt } from "../attempts/attempt";
import type { ManagerContext } from "../context";
import type { Subscriptions } from "../intake/subscriptions";

const SILENCE = {
  fails:
    "cannot write a heartbeat; nothing is claimed until one is answered, and after its time to live the manager counts as dead",
  over: "heartbeats are written again",
};
const HOLD = "the incarnation is in doubt";

interface Events {
  /** There is an incarnation to claim with. */
  sure: [];
  /** Some of what runs may have been taken away. */
  taken: [];
}

/**
 * The manager's incarnation: one row in the store, opened by `register`, kept alive by a heartbeat,
 * closed by `leave`.
 *
 *   none ──register──▶ sure ──a heartbeat is answered──▶ sure
 *                       │ a call to the store fails, or none was answered for a time to live
 *                       ▼
 *                    in doubt ── a heartbeat, at once and then repeatedly ──▶ known: sure
 *                                  │ not known (declared dead, or retired by its successor)
 *                                  ▼
 *                                lost ── register under a fresh id, with what still runs ──▶ sure
 *
 * The loop runs on its own timer, independent of handlers and queues: it beats as long as this
 * process lives. While in doubt the manager consumes and claims nothing: the store would take the
 * tasks of a manager that was declared dead away at once. The reconciler excuses an outage of the
 * store.
 */
export class Registration extends EventEmitter<Events> {
  /** Predecessors that were retired by the last registration. */
  retired = 0;
  private known: string | null = null;
  private life: Promise<void> = Promise.resolve();
  private readonly ending = new AbortController();
  private resting = new AbortController();
  private doubted = false;
  /** A heartbeat has been sent in vain since the last one that was answered. */
  private cutOff = false;
  /** When the last heartbeat that was answered was sent, monotonic milliseconds. */
  private answeredAt = 0;
  private readonly silence: Trouble;

  constructor(
    private readonly context: ManagerContext,
    private readonly types: string[],
    private readonly subscriptions: Subscriptions,
    private readonly running: ReadonlySet<Attempt>,
  ) {
    super();
    this.silence = new Trouble(context.log, SILENCE, { endpoint: context.endpoint });
  }

  /** The present incarnation, null while there is none. */
  get id(): string | null {
    return this.known;
  }

  /** The present incarnation, as far as is known; null while that is in doubt. Cheap. */
  sure(): string | null {
    if (this.known === null || this.doubted) return null;
    // This process has stood still, as a machine does that is moved or put to sleep.
    if (performance.now() - this.answeredAt >= this.context.config.manager.ttlMs) this.doubt();
    return this.doubted ? null : this.known;
  }

  /**
   * A call to the store has failed: from now on only a heartbeat says that this is an incarnation
   * still.
   */
  doubt(): void {
    if (this.doubted) return;
    this.setDoubted(true);
    this.resting.abort();
  }

  private setDoubted(doubted: boolean): void {
    this.doubted = doubted;
    if (doubted) void this.subscriptions.hold(HOLD);
    else this.subscriptions.unhold(HOLD);
  }

  /**
   * Registers, however long it takes, and beats from then on. Resolves when registered, or when
   * ended before that.
   */
  async start(): Promise<void> {
    const registered = this.register(isAlive);
    this.life = registered.then(() => this.live());
    await registered;
  }

  /**
   * Stops beating and closes the incarnation. Where that fails the time to live closes it. Never
   * rejects.
   */
  async leave(): Promise<void> {
    await this.end();
    if (this.known === null) return;
    await this.context.store.leave(this.known).catch((error) => {
      this.context.log.warn(
        { endpoint: this.context.endpoint, err: error.message },
        "could not sign off; the time to live will",
      );
    });
  }

  /**
   * Stops beating without a word, as a crash would: its leases stay until the time to live is over.
   */
  async end(): Promise<void> {
    this.ending.abort();
    await this.life;
  }

  /**
   * A predecessor in the same slot is retired at once, which frees what it ran; but only if its
   * process is gone: two managers that share a slot by mistake, or during a rolling restart, must
   * not take each other's work away.
   */
  private async register(spared: (pid: number) => boolean, former?: ManagerRegistration["former"]): Promise<void> {
    const { config, endpoint, store, log } = this.context;
    const id = newId();
    const slot = { endpoint, host: hostname(), slot: config.manager.slot };
    for (let tries = 1; !this.ending.signal.aborted; tries++) {
      try {
        const before = await store.predecessors(slot);
        const spare = before.filter((one) => spared(one.pid)).map((one) => one.id);
        const sentAt = performance.now();
        await store.register({
          ...slot,
          id,
          spare,
          former,
          labels: config.manager.labels,
          types: this.types,
          version: VERSION,
          pid: process.pid,
          ttlMs: config.manager.ttlMs,
        });
        await this.context.verifier.refresh();
        this.known = id;
        this.retired = before.length - spare.length;
        log.info({ endpoint, manager_id: id, types: this.types.length }, "the manager is registered");
        void this.subscriptions.comeBack();
        this.answered(sentAt);
        return;
      } catch (error) {
        if (tries % 20 === 1)
          log.warn({ endpoint, err: (error as Error).message }, "cannot register now; trying again");
        if (error instanceof EndpointEnded) this.refused();
        await pause(backoffMs(tries, RECONNECT), this.ending.signal);
      }
    }
  }

  private async live(): Promise<void> {
    const { signal } = this.ending;
    const { heartbeatMs } = this.context.config.manager;
    for (let failures = 0, rest = heartbeatMs; !signal.aborted; ) {
      await pause(rest, AbortSignal.any([signal, this.resting.signal]));
      if (signal.aborted) return;
      this.resting = new AbortController();
      const begun = performance.now();
      failures = (await this.beat()) ? 0 : failures + 1;
      rest = Math.max(0, heartbeatMs - (performance.now() - begun));
      if (failures > 0) rest = Math.min(rest, backoffMs(failures, RECONNECT));
    }
  }

  /** Whether it was answered. */
  private async beat(): Promise<boolean> {
    const { counters, store } = this.context;
    const sentAt = performance.now();
    try {
      const state = { running: this.running.size, draining: this.context.draining };
      const { known } = await store.heartbeat(this.known!, state);
      counters.heartbeats++;
      this.silence.over();
      if (known) this.answered(sentAt);
      else await this.reincarnate();
      // Where it cannot be read now, the next beat reads it.
      await this.context.verifier.refresh().catch(() => undefined);
      await this.serveFormer().catch(() => undefined);
      return true;
    } catch (error) {
      this.silence.is(error as Error);
      this.setDoubted(true);
      this.cutOff = true;
      return false;
    }
  }

  private answered(sentAt: number): void {
    const doubted = this.doubted || performance.now() - this.answeredAt >= this.context.config.manager.ttlMs;
    this.answeredAt = sentAt;
    this.cutOff = false;
    this.setDoubted(false);
    if (doubted) this.emit("sure");
  }

  /** Rejects when the store is away. */
  private async serveFormer(): Promise<void> {
    const { endpoint, store } = this.context;
    await this.subscriptions.serveFormer(await store.openDeliveries(endpoint));
  }

  /**
   * The endpoint's life is over, or its name reserved: nothing is done for it until it is
   * registered again.
   */
  private refused(): void {
    this.emit("taken");
    void this.subscriptions.leave();
  }

  private async reincarnate(): Promise<void> {
    const former = { id: this.known!, cutOff: this.cutOff };
    this.context.log.warn(
      { endpoint: this.context.endpoint, manager_id: former.id },
      "this manager was declared dead or replaced; it registers again and stops the attempts that were taken from it",
    );
    this.context.counters.incarnationsLost++;
    this.known = null;
    this.setDoubted(true);
    // This process was never away: a manager that has come meanwhile is no predecessor of it.
    await this.register(() => true, former);
    this.emit("taken");
  }
}

/**
 * Whether another process of this host has the number. One that has ours is an earlier one: it ran
 * in a container, say.
 */
function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
