import { TransportError } from "../errors";
import { newId } from "../model/ids";
import { encodeReports } from "../recorder/wire";
import type { Transport } from "../transport/transport";

const PATIENCE_MS = 2000;
const LOOK_EVERY_MS = 1000;
/** A recorder that keeps up has answered a shorter time ago. */
const USUAL_MS = PATIENCE_MS + LOOK_EVERY_MS;

/**
 * How far the recorder is behind. An empty report goes through the queue behind all others, and the
 * recorder answers it once those before it are committed. Without a broker there are no reports.
 *
 * What looks lost may have ended, with its end still in that queue. So the reconciler reads a row,
 * then asks here, and only then does something about it: if the end has been recorded meanwhile,
 * the row's version has changed, and nothing happens to it.
 */
export class Reports {
  private timer: NodeJS.Timeout | null = null;
  private stopped = false;
  /** All that was confirmed by then is recorded (monotonic milliseconds). */
  private recordedUntil = performance.now();
  /** Messages that wait in the queue. */
  waiting = 0;

  constructor(private readonly transport: Transport) {}

  /** False: managers do not report over a broker here. */
  get exist(): boolean {
    return this.transport.kind === "amqp";
  }

  /** Whether managers that report over the broker can be heard. */
  get heard(): boolean {
    return !this.exist || this.oldestMs === 0;
  }

  /** The age that the oldest report without a row has at most. */
  get oldestMs(): number {
    const age = performance.now() - this.recordedUntil;
    return age < USUAL_MS ? 0 : age;
  }

  start(): void {
    if (this.exist) void this.look();
  }

  stop(): void {
    this.stopped = true;
    if (this.timer) clearTimeout(this.timer);
  }

  /** Whether every report that the broker has confirmed by now is in the store. */
  async allRecorded(): Promise<boolean> {
    if (!this.exist) return true;
    const askedAt = performance.now();
    const messageId = newId();
    const message = { messageId, correlationId: messageId, type: "recorder", body: encodeReports({}) };
    const recorded = await ifReached(
      this.transport.call({ ...message, address: { to: "reports" }, deadlineMs: PATIENCE_MS }),
    );
    if (recorded === null) return false;
    this.recordedUntil = Math.max(this.recordedUntil, askedAt);
    return true;
  }

  private async look(): Promise<void> {
    const depth = await ifReached(this.transport.depth({ to: "reports" }));
    if (depth !== null) this.waiting = depth.ready;
    await this.allRecorded();
    if (!this.stopped) this.timer = setTimeout(() => void this.look(), LOOK_EVERY_MS);
  }
}

/** Null: the broker or the recorder does not answer now. */
async function ifReached<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof TransportError) return null;
    throw error;
  }
}
