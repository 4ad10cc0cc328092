import { hostname } from "node:os";
import { backoffMs, pause, RECONNECT } from "../../backoff";
import { EndpointEnded } from "../../errors";
import { newId } from "../../model/ids";
import type { ManagerRegistration } from "../../store/store";
import { Trouble } from "../../trouble";
import { VERSION } from "../../version";
import type { ManagerContext } from "../context";

const SILENCE = {
  fails:
    "cannot write a heartbeat; nothing is claimed until one is answered, and after its time to live the manager counts as dead",
  over: "heartbeats are written again",
};

/**
 * The manager's incarnation: one row in the store, opened by `register`, kept alive by a heartbeat, closed by `leave`.
 *
 *   none ──register──▶ sure ──a heartbeat is answered──▶ sure
 *                       │ a call to the store fails, or none was answered for a time to live
 *                       ▼
 *                    in doubt ── a heartbeat, at once and then again and again ──▶ known: sure
 *                                  │ not known (declared dead, or retired by its successor in the slot)
 *                                  ▼
 *                                lost ── register under a fresh id, taking along what still runs ──▶ sure
 *
 * The loop runs on its own timer and asks nothing of handlers or queues: it beats as long as this process lives. While it is in doubt
 * nothing is claimed: what a manager takes that was declared dead meanwhile is taken from it at once. That the store was away for
 * everybody is for the reconciler to forgive.
 */
export class Registration {
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
    private readonly desk: ManagerContext,
    private readonly parts: {
      types: string[];
      state(): { running: number; draining: boolean };
      /** Some of what runs may have been taken away while the incarnation was not heard. */
      cameBack(): void;
      /** There is an incarnation to claim with. */
      sure(): void;
      /** It has been registered, or registered anew. */
      registered(): void;
      /** After each heartbeat that was answered. May reject when the store is away. */
      beaten(): Promise<void>;
      /** The endpoint's life is over, or its name reserved: nothing is done for it until it is registered again. */
      refused(): void;
    },
  ) {
    this.silence = new Trouble(desk.log, SILENCE, { endpoint: desk.endpoint });
  }

  /** The present incarnation, null while there is none. */
  get id(): string | null {
    return this.known;
  }

  /** The present incarnation, as far as is known; null while that is in doubt. Cheap. */
  sure(): string | null {
    if (this.known === null || this.doubted) return null;
    // This process has stood still, as a machine does that is moved or put to sleep.
    if (performance.now() - this.answeredAt >= this.desk.config.manager.ttlMs) this.doubt();
    return this.doubted ? null : this.known;
  }

  /** The store has not answered somebody: from now on only a heartbeat says that this is an incarnation still. */
  doubt(): void {
    if (this.doubted) return;
    this.doubted = true;
    this.resting.abort();
  }

  /** Registers, however long it takes, and beats from then on. Resolves when registered, or when ended before that. */
  async start(): Promise<void> {
    const registered = this.register(isAlive);
    this.life = registered.then(() => this.live());
    await registered;
  }

  /** Stops beating and closes the incarnation. Where that fails the time to live closes it. Never rejects. */
  async leave(): Promise<void> {
    await this.end();
    if (this.known === null) return;
    await this.desk.store.leave(this.known).catch((error) => {
      this.desk.log.warn(
        { endpoint: this.desk.endpoint, err: error.message },
        "could not sign off; the time to live will",
      );
    });
  }

  /** Stops beating without a word, as a crash would: its leases stay until the time to live is over. */
  async end(): Promise<void> {
    this.ending.abort();
    await this.life;
  }

  /**
   * A predecessor in the same slot is retired at once, which frees what it ran; but only if its process is gone: two managers
   * that share a slot by mistake, or during a rolling restart, must not take each other's work away.
   */
  private async register(spared: (pid: number) => boolean, former?: ManagerRegistration["former"]): Promise<void> {
    const { config, endpoint, store, log } = this.desk;
    const id = newId();
    const place = { endpoint, host: hostname(), slot: config.manager.slot };
    for (let tries = 1; !this.ending.signal.aborted; tries++) {
      try {
        const before = await store.predecessors(place);
        const spare = before.filter((one) => spared(one.pid)).map((one) => one.id);
        const sentAt = performance.now();
        await store.register({
          ...place,
          id,
          spare,
          former,
          labels: config.manager.labels,
          types: this.parts.types,
          version: VERSION,
          pid: process.pid,
          ttlMs: config.manager.ttlMs,
        });
        await this.desk.seal.refresh();
        this.known = id;
        this.retired = before.length - spare.length;
        log.info({ endpoint, manager_id: id, types: this.parts.types.length }, "the manager is registered");
        this.parts.registered();
        this.answered(sentAt);
        return;
      } catch (error) {
        if (tries % 20 === 1)
          log.warn({ endpoint, err: (error as Error).message }, "cannot register now; trying again");
        if (error instanceof EndpointEnded) this.parts.refused();
        await pause(backoffMs(tries, RECONNECT), this.ending.signal);
      }
    }
  }

  private async live(): Promise<void> {
    const { signal } = this.ending;
    const { heartbeatMs } = this.desk.config.manager;
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
    const { counters, store } = this.desk;
    const sentAt = performance.now();
    try {
      const { known } = await store.heartbeat(this.known!, this.parts.state());
      counters.heartbeats++;
      this.silence.over();
      if (known) this.answered(sentAt);
      else await this.reincarnate();
      // Where it cannot be read now, the next beat reads it.
      await this.desk.seal.refresh().catch(() => undefined);
      await this.parts.beaten().catch(() => undefined);
      return true;
    } catch (error) {
      this.silence.is(error as Error);
      this.doubted = true;
      this.cutOff = true;
      return false;
    }
  }

  private answered(sentAt: number): void {
    const doubted = this.doubted || performance.now() - this.answeredAt >= this.desk.config.manager.ttlMs;
    this.answeredAt = sentAt;
    this.doubted = false;
    this.cutOff = false;
    if (doubted) this.parts.sure();
  }

  private async reincarnate(): Promise<void> {
    const former = { id: this.known!, cutOff: this.cutOff };
    this.desk.log.warn(
      { endpoint: this.desk.endpoint, manager_id: former.id },
      "this manager was declared dead or replaced; it registers anew, and what was taken from it is told to stop",
    );
    this.desk.counters.incarnationsLost++;
    this.known = null;
    this.doubted = true;
    // It was never away: whoever has come meanwhile is no predecessor of it.
    await this.register(() => true, former);
    this.parts.cameBack();
  }
}

/** Whether another process of this host has the number. One that has ours is an earlier one: it ran in a container, say. */
function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
