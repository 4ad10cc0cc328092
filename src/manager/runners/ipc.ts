import type { SubmitRequest } from "../../model/handler";
import type { RunResult, Work } from "./runner";

/**
 * What manager and handler process say to each other. JSON lines: JSON.stringify escapes lone surrogates and NUL, so that any
 * string passes; payload and result travel as JSON text inside. `run` numbers the attempts of one child.
 */
export type ToChild =
  | { say: "run"; run: number; file: string; work: Work; maxResultBytes: number }
  | { say: "stop"; run: number; cause: string }
  | { say: "submitted"; call: number; id: string }
  | { say: "refused"; call: number; name: string; message: string; code: string | null };

export type FromChild =
  | { say: "started"; run: number }
  | { say: "progress"; run: number; fraction: number; message: string | null }
  | { say: "submit"; run: number; call: number; type: string; request: SubmitRequest }
  /** `retire`: the handler left something behind; this child takes no further attempt. */
  | { say: "done"; run: number; result: RunResult; threw: boolean; retire: boolean }
  /** An exception that nobody caught; the child exits next. */
  | { say: "crash"; run: number; error: string };
