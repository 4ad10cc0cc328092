import { until } from "../support/until";
import { MODES, type TestSystem, world } from "../support/world";
import { tasker } from "./support";

/** `tasker endpoints remove` and `rename`: what they say, and the exit codes. */

describe.each(MODES)("an endpoint's end on the command line, %s", (mode) => {
  let w: TestSystem;
  beforeAll(async () => {
    w = await world(mode, { types: { deploy: {} }, functions: { deploy: async () => null } });
  });
  afterAll(() => w?.close());

  const cli = (...args: string[]) => tasker(["endpoints", ...args], { cwd: w.dir, env: { TASKER_URL: w.url } });
  /** The name of an endpoint whose manager has stopped, and that owes `owed` answers. */
  async function stopped(name: string, owed: number): Promise<string> {
    await (await w.manager(name)).stop();
    for (let n = 0; n < owed; n++) await w.submit("deploy", { identifier: `${name} ${n}`, endpoints: [name] });
    return name;
  }
  const listed = async (name: string) => (await w.get(`/endpoints/${name}`)).status === 200;
  const aboutUser = (name: string) =>
    mode === "wire" ? new RegExp(`The broker's user \\S+-at-${name} may still`) : /^$/m;

  test("a dry run of a removal says what it would do, and does nothing", async () => {
    const name = await stopped("dry", 2);
    const shown = await cli("remove", name, "--dry-run");
    expect(shown).toEqual({ code: 0, stdout: "dry\t2\t0\tdeploy\n", stderr: "" });
    const json = await cli("remove", name, "-n", "--json");
    expect(JSON.parse(json.stdout)).toMatchObject({
      endpoint: name,
      dry_run: true,
      ended: { expected: 2, running: 0 },
      queues: null,
      broker_user: null,
    });
    expect(await listed(name)).toBe(true);
    expect((await cli("remove", name, "-n", "-q")).stdout).toBe("dry\n");
  });

  test("a removal says what it has cancelled, and goes through when it is repeated", async () => {
    const name = await stopped("gone", 2);
    const removed = await cli("remove", name);
    expect([removed.code, removed.stdout]).toEqual([0, "gone\t2\t0\tdeploy\n"]);
    expect(removed.stderr).toMatch(aboutUser(name));
    expect(removed.stderr).not.toContain("was alive");
    expect(await listed(name)).toBe(false);
    const again = await cli("remove", name, "--json");
    expect([again.code, JSON.parse(again.stdout).ended]).toMatchObject([0, { expected: 0 }]);
  });

  test("of an endpoint whose manager lives, a removal says that it is to be stopped", async () => {
    const manager = await w.manager("alive");
    const removed = await cli("remove", "alive");
    expect(removed.code).toBe(0);
    expect(removed.stderr).toContain("A manager of alive was alive: ");
    await manager.stop();
  });

  test("a rename says what moved and how its manager is started, once no manager is alive", async () => {
    const manager = await w.manager("old");
    const busy = await cli("rename", "old", "new");
    expect([busy.code, busy.stdout]).toEqual([8, ""]);
    expect(busy.stderr).toMatch(/old cannot be renamed while it is at work: .*Stop its manager/);
    await manager.stop();
    await stopped("old", 1);
    const renamed = await cli("rename", "old", "new");
    expect([renamed.code, renamed.stdout]).toEqual([0, "new\told\t1\n"]);
    expect(renamed.stderr).toContain("Start its manager with `tasker manager --endpoint new`; old stays reserved");
    expect(renamed.stderr).toMatch(aboutUser("old"));
    const after = await w.manager("new");
    await until("what was owed is done under the new name", async () => {
      const { items } = (await w.get("/deploy?identifier=old%200")).body;
      return items[0].status === "succeeded";
    });
    await after.stop();
  });

  test.each([
    ["an unknown endpoint is removed", ["remove", "nobody"], 7, "No endpoint nobody has registered"],
    ["an unknown endpoint is removed for show", ["remove", "nobody", "--dry-run"], 7, "No endpoint nobody"],
    ["an unknown endpoint is renamed", ["rename", "nobody", "somebody"], 7, "No endpoint nobody"],
    ["the new name is none", ["rename", "nobody", "Some Body"], 2, "#/name  must match"],
    ["no name is given", ["remove"], 2, "name"],
    ["no new name is given", ["rename", "nobody"], 2, "new-name"],
  ])("%s", async (_what, args, code, sentence) => {
    const ended = await cli(...args);
    expect([ended.code, ended.stdout]).toEqual([code, ""]);
    expect(ended.stderr).toContain(sentence);
  });

  test("a name that is taken stays whose it is", async () => {
    await stopped("one", 0);
    await stopped("two", 0);
    const taken = await cli("rename", "one", "two");
    expect([taken.code, taken.stdout]).toEqual([8, ""]);
    expect(taken.stderr).toContain("There is an endpoint two already");
  });
});
