import { setTimeout as sleep } from "node:timers/promises";
import { TcpProxy } from "../../support/proxy";
import { until } from "../../support/until";
import { CLEAN, check } from "../support/checker";
import { Client, type LoggedRequest } from "../support/client";
import { flowsAgain } from "../support/recovery";
import { report } from "../support/report";
import { type Servers, servers, withPath } from "../support/servers";
import { Stage } from "../support/stage";

jest.setTimeout(240_000);

/** In the proportion of the defaults: what comes back has time to claim before its next regular heartbeat. */
const TIMES = { heartbeat: "2s", ttl: "6s" };
/** How long the fault goes on after the manager was declared dead, which takes a time to live and a bit. */
const BEYOND_MS = 6000;

describe.each(["first", "late"] as const)(
  "a manager that nobody hears for longer than its time to live (claim: %s)",
  (claim) => {
    let on: Servers;
    let stage: Stage;
    let client: Client;
    /** The cut-off manager's own way to the database. */
    let way: TcpProxy;
    beforeAll(async () => {
      on = await servers();
    });
    afterAll(() => on.stop());
    beforeEach(async () => {
      stage = await Stage.create(on, { work: { claim }, more: { manager: TIMES } });
      client = new Client(stage);
      way = await TcpProxy.to(on.database.uri);
    });
    afterEach(async () => {
      await stage.close();
      await way.close();
    });

    describe.each(["rst", "blackhole"] as const)("(%s)", (mode) => {
      test("F29: cut off from the database alone it burns no attempt: what waited runs once, what ran is done again uncharged", async () => {
        const env = { TASKER_DATABASE_URI: withPath(way.through(on.database.uri), stage.name) };
        const [, cutOff] = await Promise.all([stage.api(), stage.manager("a", env), stage.manager("b")]);
        const before = await begun();
        const fault = stage.mark("one manager is cut off from the database", "a");
        way.set({ mode });
        await until("it notices", () => cutOff!.logged("cannot write a heartbeat").length > 0, 30_000);
        const meanwhile = await posted(["a", "b"]);
        await declaredDead();
        way.set({ mode: "pass" });
        fault.over();
        const verdict = await check(stage, client);
        report(`F29 ${mode}, claim ${claim}`, 1, verdict, [flowsAgain(stage, "a", 5)]);
        expect(verdict).toMatchObject({ ...CLEAN, byStatus: { succeeded: 12 } });
        expect(await burnt()).toEqual([]);
        expect(executions(meanwhile)).toEqual(meanwhile.map(() => ({ a: 1, b: 1 })));
        for (const { a } of executions(before)) expect(a).toBeLessThanOrEqual(2);
        // It has registered anew once, and was granted what it claimed then.
        expect(cutOff!.logged("declared dead or replaced")).toHaveLength(1);
        expect(await lost()).toEqual(before.map(({ taskId }) => taskId).sort());
      });
    });

    test("F29: frozen with tasks waiting it burns no attempt of theirs, and what it ran is charged one", async () => {
      const [, frozen] = await Promise.all([stage.api(), stage.manager("a")]);
      const before = await begun();
      const fault = stage.mark("a manager is frozen", "a");
      frozen!.signal("SIGSTOP");
      const meanwhile = await posted(["a"]);
      await declaredDead();
      frozen!.signal("SIGCONT");
      fault.over();
      const verdict = await check(stage, client);
      report(`F29 frozen, claim ${claim}`, 1, verdict, [flowsAgain(stage, "a", 5)]);
      expect(verdict).toMatchObject({ ...CLEAN, byStatus: { succeeded: 7 } });
      expect(await burnt()).toEqual(before.map(({ taskId }) => taskId).sort());
      expect(executions(meanwhile)).toEqual(meanwhile.map(() => ({ a: 1 })));
      for (const { a } of executions(before)) expect(a).toBeLessThanOrEqual(2);
      expect(frozen!.logged("declared dead or replaced")).toHaveLength(1);
      expect(await lost()).toEqual(before.map(({ taskId }) => taskId).sort());
    });

    /** Two tasks that run when the fault comes, and are claimed. */
    async function begun(): Promise<LoggedRequest[]> {
      await client.burst(2, ["a"], { ms: 3000 }, 2);
      const running = "SELECT task_id FROM task_responses WHERE status = 'running'";
      await until("the handlers run", () => stage.started() === 2);
      await until("they are claimed", async () => (await stage.rows(running)).length === 2);
      return [...client.accepted];
    }

    /** Five tasks that arrive while the fault goes on. */
    async function posted(endpoints: string[]): Promise<LoggedRequest[]> {
      const from = client.log.length;
      await client.burst(5, endpoints, { ms: 1500 }, 5);
      return client.log.slice(from);
    }

    async function declaredDead(): Promise<void> {
      const dead = "SELECT id FROM managers WHERE state = 'dead'";
      await until("it is declared dead", async () => (await stage.rows(dead)).length === 1, 60_000);
      await sleep(BEYOND_MS);
    }

    /** Tasks of which an attempt was charged that was not the last. */
    async function burnt(): Promise<string[]> {
      return ids("SELECT task_id FROM task_responses WHERE attempt <> 1 OR reason IS NOT NULL ORDER BY task_id");
    }

    async function lost(): Promise<string[]> {
      return ids("SELECT task_id FROM task_attempts WHERE outcome = 'lost' ORDER BY task_id");
    }

    async function ids(query: string): Promise<string[]> {
      return (await stage.rows<{ task_id: string }>(query)).map(({ task_id }) => task_id);
    }

    /** By endpoint, how often each of the tasks was begun. */
    function executions(tasks: LoggedRequest[]): Array<Record<string, number>> {
      const starts = stage.journal().filter(({ what }) => what === "start");
      return tasks.map(({ taskId }) => {
        const counts: Record<string, number> = {};
        for (const { endpoint } of starts.filter((start) => start.taskId === taskId)) {
          counts[endpoint] = (counts[endpoint] ?? 0) + 1;
        }
        return counts;
      });
    }
  },
);
