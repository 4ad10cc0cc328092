import type { ConsumeMessage } from "amqplib";
import { Deadlines } from "../../deadlines";
import { TransportError } from "../../errors";
import type { Watcher } from "./connection";

interface Call {
  resolve(body: string): void;
  reject(error: Error): void;
  endWatch(): void;
}

/**
 * Calls that wait for their reply, by message id. A reply comes on the channel that published the
 * call, so it is lost with the connection: then every call rejects at once.
 */
export class Calls implements Watcher {
  private readonly waiting = new Map<string, Call>();
  private readonly deadlines = new Deadlines();

  /** Resolves to the body of the reply to the message. */
  expect(messageId: string, deadlineMs: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const late = () => this.fail(messageId, refused(`no reply within ${deadlineMs} ms`));
      const endWatch = this.deadlines.watch(performance.now() + deadlineMs, late);
      this.waiting.set(messageId, { resolve, reject, endWatch });
    });
  }

  replied({ content, properties }: ConsumeMessage): void {
    this.end(String(properties.correlationId))?.resolve(content.toString("utf8"));
  }

  fail(messageId: string, error: Error): void {
    this.end(messageId)?.reject(error);
  }

  ready(): void {}

  lost(): void {
    for (const messageId of [...this.waiting.keys()])
      this.fail(messageId, refused("the connection to the broker was lost"));
  }

  private end(messageId: string): Call | undefined {
    const call = this.waiting.get(messageId);
    this.waiting.delete(messageId);
    call?.endWatch();
    return call;
  }
}

function refused(why: string): TransportError {
  return new TransportError("unconfirmed", `The recorder did not answer: ${why}.`);
}
