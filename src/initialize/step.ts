/** One step of `initialize`. It may be repeated: what exists already stays as it is. */
export interface Step {
  /** For the plan: "create the vhost tasker". */
  readonly title: string;
  /** Whether it deletes stored data. */
  readonly destroys: boolean;
  /** Resolves to the outcome: "created", "was there already". */
  run(): Promise<string>;
}

/** Where the steps act, shown first: `["database", "tasker on 127.0.0.1:3306 (MySQL)"]`. */
export type Target = readonly [what: string, where: string];

export interface Part {
  targets: Target[];
  steps: Step[];
}

const EXIT = { usage: 2, unreachable: 5, "not allowed": 6, config: 9 } as const;

/** `initialize` cannot do what was asked; the message says why and what to do. */
export class InitializeError extends Error {
  readonly exitCode: number;
  constructor(kind: keyof typeof EXIT, message: string) {
    super(message);
    this.name = "InitializeError";
    this.exitCode = EXIT[kind];
  }
}
