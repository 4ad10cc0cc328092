import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { TcpProxy } from "../../support/proxy";
import type { TaskerProgram } from "./process";
import { furnish, Scenario, type StageOptions } from "./scene";
import { makeVhost, manage, type Servers, sql, withPath } from "./servers";

export { isFull, lean, type StageOptions } from "./scene";
export { type Servers, servers } from "./servers";

let counter = 0;

/**
 * One scenario's world: an own database and vhost on the given servers, a TCP proxy in front of each, one config file, and
 * real programs started and killed at will.
 */
export class Stage extends Scenario {
  private constructor(
    readonly servers: Servers,
    dir: string,
    readonly name: string,
    readonly brokerProxy: TcpProxy,
    readonly databaseProxy: TcpProxy,
  ) {
    super(dir);
  }

  static async create(on: Servers, options: StageOptions = {}): Promise<Stage> {
    const name = `t${process.pid}_${++counter}`;
    await sql(on.database.uri, `CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
    await makeVhost(on.broker, name);
    const brokerProxy = await TcpProxy.to(on.broker.uri);
    const databaseProxy = await TcpProxy.to(on.database.uri);
    const dir = join(on.dir, name);
    await furnish(
      dir,
      options,
      { uri: withPath(databaseProxy.through(on.database.uri), name) },
      { uri: withPath(brokerProxy.through(on.broker.uri), name), queue_type: "classic" },
    );
    return new Stage(on, dir, name, brokerProxy, databaseProxy);
  }

  api(env: Record<string, string> = {}, more: { wait?: boolean; node?: string[] } = {}): Promise<TaskerProgram> {
    return this.start(["api"], null, env, more);
  }

  manager(
    endpoint: string,
    env: Record<string, string> = {},
    more: { wait?: boolean; node?: string[]; log?: string } = {},
  ): Promise<TaskerProgram> {
    return this.start(["manager", "--endpoint", endpoint], endpoint, env, more);
  }

  protected override spawned(program: TaskerProgram): void {
    this.servers.watch(program.pid, "main.js");
  }

  /** Rows of the scenario's database, past the proxy. */
  rows<T>(query: string): Promise<T[]> {
    return sql<T>(withPath(this.servers.database.uri, this.name), query);
  }

  /** Ready messages and consumers of an endpoint's queue of `work`. */
  async queue(endpoint: string): Promise<{ messages: number; consumers: number }> {
    const text = this.servers.broker.ctl("list_queues", "-p", this.name, "name", "messages", "consumers");
    const line = text.split("\n").find((one) => one.startsWith(`tasker.work.${endpoint}\t`)) ?? "";
    const [, messages, consumers] = line.split("\t");
    return { messages: Number(messages), consumers: Number(consumers) };
  }

  private async keepRows(): Promise<void> {
    await writeFile(join(this.dir, "responses.json"), JSON.stringify(await this.rows("SELECT * FROM task_responses")));
  }

  /** Kills what still runs and forgets database and vhost. */
  override async close(): Promise<void> {
    await super.close();
    if (process.env.TASKER_TEST_KEEP) await this.keepRows().catch(() => undefined);
    await Promise.all([this.brokerProxy.close(), this.databaseProxy.close()]);
    await sql(this.servers.database.uri, `DROP DATABASE IF EXISTS ${this.name}`).catch(() => undefined);
    await manage(this.servers.broker, "DELETE", `vhosts/${this.name}`).catch(() => undefined);
  }
}
