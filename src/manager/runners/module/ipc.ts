import type { RunResult } from "../runner";
import type { HandlerFacts } from "./context";

/**
 * What manager and handler process say to each other (channel.ts). All fields are scalars;
 * JSON.stringify escapes lone surrogates and NUL, so that any string passes. `run` numbers the
 * attempts of one child.
 */
export type ToChild =
  /** `reuse`: another attempt may follow in this process. */
  | ({ say: "run"; run: number; file: string; maxResultBytes: number; reuse: boolean } & HandlerFacts)
  | { say: "stop"; run: number; cause: string }
  | { say: "submitted"; call: number; id: string }
  | { say: "refused"; call: number; name: string; message: string; code: string | null };

export type FromChild =
  | { say: "started"; run: number }
  | { say: "progress"; run: number; fraction: number; message: string | null }
  /** `request`: JSON of a SubmitRequest. */
  | { say: "submit"; run: number; call: number; type: string; request: string }
  /** `retire`: the handler left something behind; this child takes no further attempt. */
  | ({ say: "done"; run: number; threw: boolean; retire: boolean } & Exclude<RunResult, { kind: "stopped" }>)
  /** An uncaught exception; the child exits next. */
  | { say: "crash"; run: number; error: string }
  /** After an attempt: the handler has changed `what` of its process, which now ends. */
  | { say: "leaving"; run: number; what: string };
