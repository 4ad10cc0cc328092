import type { API, BROKER, DATABASE, LOG, MANAGER, RABBITMQ } from "./keys";
import type { Complete } from "./table";
import type { COMMAND, HTTP, POLICY } from "./task-type-keys";

/**
 * The config as the rest of the program sees it: checked, complete, durations in milliseconds,
 * sizes in bytes, paths absolute. keys.ts says what each field means. Built by loading/load.ts
 * only.
 */
export interface Config {
  runMode: RunMode;
  /** The file it came from, for messages; null: defaults only. */
  file: string | null;
  handlersDir: string;
  taskTypes: Record<string, TaskTypeConfig>;
  api: ApiConfig;
  manager: ManagerConfig;
  database: DatabaseConfig;
  broker: BrokerConfig;
  rabbitmq: Complete<typeof RABBITMQ> | null;
  log: Complete<typeof LOG>;
}

export const RUN_MODES = ["embedded", "development", "test", "production"] as const;
export type RunMode = (typeof RUN_MODES)[number];

export interface TaskTypeConfig extends Complete<typeof POLICY> {
  name: string;
  performer: PerformerConfig;
}

/** What performs a type. */
export type PerformerConfig =
  | { kind: "module"; handler: string }
  | ({ kind: "command"; command: string[] } & Omit<Complete<typeof COMMAND>, "command">)
  | ({ kind: "http" } & Complete<typeof HTTP>);

export type ApiConfig = Complete<typeof API>;

export interface ManagerConfig extends Omit<Complete<typeof MANAGER>, "endpoint" | "endpoints"> {
  /** One manager runs for each name (several only in one process: `tasker up`). */
  endpoints: string[];
}

export type DatabaseConfig = Complete<typeof DATABASE>;
export type BrokerConfig = Complete<typeof BROKER>;
export type TlsConfig = NonNullable<BrokerConfig["tls"]>;
