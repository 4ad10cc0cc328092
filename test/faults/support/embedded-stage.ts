import { join } from "node:path";
import Database from "libsql";
import type { TaskerProgram } from "./process";
import { furnish, Scenario, type StageOptions } from "./scene";

/** A scenario's world in embedded mode: one process with API and managers, one SQLite file. */
export class EmbeddedStage extends Scenario {
  readonly file: string;

  private constructor(dir: string, data: string) {
    super(dir);
    this.file = join(data, "tasker.db");
  }

  /** @param data the folder of the database's file, if not the scenario's own */
  static async create(
    dir: string,
    endpoints: readonly string[],
    options: StageOptions = {},
    data = dir,
  ): Promise<EmbeddedStage> {
    const stage = new EmbeddedStage(dir, data);
    const more = { ...options.more, manager: { endpoints, ...options.more?.manager } };
    await furnish(dir, { ...options, more }, { uri: `sqlite:${stage.file}` }, { uri: "embedded:" });
    return stage;
  }

  up(env: Record<string, string> = {}, more: { wait?: boolean; node?: string[] } = {}): Promise<TaskerProgram> {
    return this.start(["up"], null, env, more);
  }

  async rows<T>(query: string): Promise<T[]> {
    const database = new Database(this.file, { readonly: true });
    try {
      return database.prepare(query).all() as T[];
    } finally {
      database.close();
    }
  }
}
