import { hostname } from "node:os";
import { backoffMs, pause, RECONNECT } from "../backoff";
import { newId } from "../model/ids";
import { Trouble } from "../trouble";
import { VERSION } from "../version";
import type { Desk } from "./desk";

const SILENCE = {
  fails:
    "cannot write a heartbeat; it is tried again at each beat, and after its time to live the manager counts as dead",
  over: "heartbeats are written again",
};

/**
 * The manager's incarnation: one row in the store, opened by `register`, kept alive by a heartbeat, closed by `leave`.
 *
 *   none ──register──▶ known ──heartbeat: known──▶ known
 *                        │ heartbeat: not known (declared dead, or retired by its successor in the slot)
 *                        ▼
 *                      lost ── handlers are told, register under a fresh id ──▶ known
 *
 * The loop runs on its own timer and asks nothing of handlers or queues: it beats as long as this process lives. A heartbeat
 * that cannot be written is tried again at the next beat; that the store was away is for the reconciler to forgive.
 */
export class Registration {
  /** Predecessors that were retired by the last registration. */
  retired = 0;
  private known: string | null = null;
  private life: Promise<void> = Promise.resolve();
  private readonly ending = new AbortController();

  constructor(
    private readonly desk: Desk,
    private readonly parts: {
      types: string[];
      state(): { running: number; draining: boolean };
      /** The incarnation and all its leases are lost. */
      lost(): void;
      /** There is an incarnation to claim with. */
      registered(): void;
    },
  ) {}

  /** The present incarnation, null while there is none. */
  get id(): string | null {
    return this.known;
  }

  /** Registers, however long it takes, and beats from then on. Resolves when registered, or when ended before that. */
  async start(): Promise<void> {
    const registered = this.register(isAlive);
    this.life = registered.then(() => this.beat());
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
  private async register(spared: (pid: number) => boolean): Promise<void> {
    const { config, endpoint, store, log } = this.desk;
    const id = newId();
    const place = { endpoint, host: hostname(), slot: config.manager.slot };
    for (let tries = 1; !this.ending.signal.aborted; tries++) {
      try {
        const before = await store.predecessors(place);
        const spare = before.filter((one) => spared(one.pid)).map((one) => one.id);
        await store.register({
          ...place,
          id,
          spare,
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
        return;
      } catch (error) {
        if (tries % 20 === 1)
          log.warn({ endpoint, err: (error as Error).message }, "cannot register now; trying again");
        await pause(backoffMs(tries, RECONNECT), this.ending.signal);
      }
    }
  }

  private async beat(): Promise<void> {
    const { config, counters, endpoint, log, store } = this.desk;
    const { signal } = this.ending;
    const silence = new Trouble(log, SILENCE, { endpoint });
    for (let next = performance.now(); !signal.aborted; ) {
      next = Math.max(next + config.manager.heartbeatMs, performance.now());
      await pause(next - performance.now(), signal);
      if (signal.aborted) return;
      try {
        const { known } = await store.heartbeat(this.known!, this.parts.state());
        counters.heartbeats++;
        silence.over();
        if (!known) await this.reincarnate();
        await this.desk.seal.refresh();
      } catch (error) {
        silence.is(error as Error);
      }
    }
  }

  private async reincarnate(): Promise<void> {
    this.desk.log.warn(
      { endpoint: this.desk.endpoint, manager_id: this.known },
      "this manager was declared dead or replaced; what it runs is told to stop, and it registers anew",
    );
    this.desk.counters.incarnationsLost++;
    this.known = null;
    this.parts.lost();
    // It was never away: whoever has come meanwhile is no predecessor of it.
    await this.register(() => true);
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
