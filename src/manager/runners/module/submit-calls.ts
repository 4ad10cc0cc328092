import type { SubmitRequest } from "../../../model/handler";
import type { FromChild, ToChild } from "./ipc";

/** Taken before user code runs: a handler may replace what it finds in its process. */
const { stringify } = JSON;
const { Promise: Later } = globalThis;

/** The tasks that handlers of this process submit: the manager stores them, and answers each. */
export class SubmitCalls {
  private last = 0;
  private readonly open = new Map<number, { resolve(id: string): void; reject(error: Error): void }>();

  constructor(private readonly send: (message: FromChild) => void) {}

  submit(run: number, type: string, request: SubmitRequest): Promise<{ id: string }> {
    const call = ++this.last;
    const body = stringify(request);
    return new Later((resolve, reject) => {
      this.open.set(call, { resolve: (id) => resolve({ id }), reject });
      this.send({ say: "submit", run, call, type, request: body });
    });
  }

  settle(message: Extract<ToChild, { call: number }>): void {
    const call = this.open.get(message.call);
    this.open.delete(message.call);
    if (message.say === "submitted") {
      call?.resolve(message.id);
      return;
    }
    const error = Object.assign(new Error(message.message), message.code === null ? {} : { code: message.code });
    error.name = message.name;
    call?.reject(error);
  }
}
