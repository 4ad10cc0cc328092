/** One thing that `initialize` does. Steps may be repeated: what is there already is left as it is. */
export interface Step {
  /** What it would do, for the plan: "create the vhost tasker". */
  readonly title: string;
  /** Destroys what is stored. */
  readonly destroys: boolean;
  /** Does it; resolves with what came of it ("created", "was there already"). */
  run(): Promise<string>;
}

/** Where steps will act, for the first lines that are shown: `["database", "tasker on 127.0.0.1:3306 (MySQL)"]`. */
export type Target = readonly [what: string, where: string];

export interface Part {
  targets: Target[];
  steps: Step[];
}

/** It cannot be done as asked; the message says why and what to do. */
export class InitializeError extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode: number) {
    super(message);
    this.name = "InitializeError";
    this.exitCode = exitCode;
  }
}

export const USAGE = 2;
export const UNREACHABLE = 5;
export const NOT_ALLOWED = 6;
