import { management } from "../support/services";
import { until } from "../support/until";
import { ALL_MODES, type Body, type TestSystem, world } from "../support/world";

/** Endpoint and identifier of each execution. */
const ran: string[] = [];
const doors = new Map<string, () => void>();

const functions = {
  async deploy(_payload: unknown, context: { endpoint: string; identifier: string; signal: AbortSignal }) {
    ran.push(`${context.endpoint} ${context.identifier}`);
    if (!context.identifier.startsWith("hold")) return;
    await new Promise<void>((resolve, reject) => {
      doors.set(context.identifier, resolve);
      context.signal.addEventListener("abort", () => reject(new Error(`told: ${context.signal.reason}`)));
    });
  },
};

describe.each(ALL_MODES)("an endpoint's life, %s", (mode) => {
  let w: TestSystem;

  beforeAll(async () => {
    ran.length = 0;
    w = await world(mode, { types: { deploy: { wait_for_endpoints_timeout: "1s" }, other: {} }, functions });
  });
  afterAll(() => w.close());

  const read = async (task: Body): Promise<Body> => (await w.get(`/deploy/${task.id}`)).body;
  const responseAt = async (task: Body, endpoint: string) =>
    (await read(task)).responses.find((one: Body) => one.endpoint === endpoint);
  const vhost = () => decodeURIComponent(new URL(w.brokerUri).pathname.slice(1));
  const queues = async () =>
    ((await management("GET", `queues/${vhost()}?columns=name`)) as Array<{ name: string }>).map(({ name }) => name);

  test("removed, it is expected no more, owes nothing, and its queues go; a dry run changes nothing", async () => {
    const gone = await w.manager("gone");
    const stays = await w.manager("stays");
    await w.settled(await w.submit("deploy", { identifier: "first" }));
    await gone.stop();
    const owed = await w.submit("deploy", { identifier: "owed" });
    expect((await w.settled(owed)).status).toBe("incomplete");

    const dry = await w.request("DELETE", "/endpoints/gone?dry_run=true");
    expect([dry.status, dry.body]).toMatchObject([
      200,
      { endpoint: "gone", dry_run: true, alive: false, ended: { expected: 1 } },
    ]);
    expect((await w.get("/endpoints/gone")).status).toBe(200);
    const removed = await w.request("DELETE", "/endpoints/gone");
    expect([removed.status, removed.body]).toMatchObject([
      202,
      {
        endpoint: "gone",
        dry_run: false,
        types: ["deploy", "other"],
        ended: { expected: 1, running: 0 },
        queues: "removed",
      },
    ]);
    expect(await responseAt(owed, "gone")).toMatchObject({ status: "cancelled", reason: "endpoint_removed" });
    expect(await responseAt(owed, "stays")).toMatchObject({ status: "succeeded" });
    expect(await read(owed)).toMatchObject({
      settled: true,
      status: "cancelled",
      completeness: { complete: true, missing: [] },
    });
    await until("the stored status follows", async () =>
      (await w.get("/deploy?status=cancelled")).body.items.some((task: Body) => task.id === owed.id),
    );
    expect((await w.get("/endpoints/gone")).body.code).toBe("endpoint_not_found");
    expect((await w.get("/endpoints")).body.items.map((one: Body) => one.name)).toEqual(["stays"]);
    const next = await w.submit("deploy", { identifier: "next" });
    expect([next.endpoints, (await w.settled(next)).status]).toEqual([["stays"], "succeeded"]);
    if (mode !== "embedded") {
      expect((await queues()).filter((name) => name.includes("gone"))).toEqual([]);
      expect(await queues()).toContain("tasker.deploy.stays");
    }
    const again = await w.request("DELETE", "/endpoints/gone");
    expect([again.status, again.body.ended.expected]).toEqual([200, 0]);
    const nobody = await w.request("DELETE", "/endpoints/nobody");
    expect([nobody.status, nobody.body.code]).toEqual([404, "endpoint_not_found"]);
    await stays.stop();
  });

  test("a new machine that takes its name inherits nothing, and is an endpoint like any other", async () => {
    const before = await w.submit("deploy", { identifier: "before", endpoints: ["gone"] });
    await w.request("DELETE", "/endpoints/gone");
    expect(await responseAt(before, "gone")).toMatchObject({ status: "cancelled", reason: "endpoint_removed" });
    ran.length = 0;
    const machine = await w.manager("gone");
    const task = await w.submit("deploy", { identifier: "new-life", endpoints: ["gone"] });
    expect((await w.settled(task)).status).toBe("succeeded");
    await until("it is listed", async () => (await w.get("/endpoints/gone")).status === 200);
    expect(ran).toEqual(["gone new-life"]);
    await machine.stop();
  });

  test("its manager, still there, is told to stop, ends nothing, and does not come back by itself", async () => {
    const alive = await w.manager("alive");
    const held = await w.submit("deploy", { identifier: `hold-${mode}`, endpoints: ["alive"] });
    await until("it runs", async () => (await responseAt(held, "alive")).status === "running");
    const removed = await w.request("DELETE", "/endpoints/alive");
    expect(removed.body).toMatchObject({ alive: true, managers: 1, ended: { running: 1 } });
    expect(await responseAt(held, "alive")).toMatchObject({ status: "cancelled", reason: "endpoint_removed" });
    await until("its manager has heard of it", () => alive.managers[0]!.state().managerId === null);
    await until("nothing runs there", () => alive.managers[0]!.state().running === 0);
    expect((await w.get("/endpoints/alive")).status).toBe(404);
    const later = await w.submit("deploy", { identifier: "later", endpoints: ["alive"] });
    expect((await w.settled(later)).status).toBe("incomplete");
    if (mode !== "embedded")
      await until("its queues are gone", async () => !(await queues()).some((name) => name.includes("alive")));
    await alive.stop();
    const anew = await w.manager("alive");
    await until("what was asked of the name meanwhile is done", async () => (await read(later)).status === "succeeded");
    await anew.stop();
  });

  test("a manager that comes back with fewer types is expected for those only", async () => {
    const full = await w.manager("partly");
    await full.stop();
    expect((await w.get("/types/other")).body.registered).toContain("partly");
    const { config } = w.api;
    config.manager.types = ["deploy"];
    const fewer = await w.manager("partly");
    await until(
      "it is registered for one type",
      async () => !(await w.get("/types/other")).body.registered.includes("partly"),
    );
    expect((await w.get("/endpoints/partly")).body.types).toEqual(["deploy"]);
    if (mode !== "embedded")
      await until("its queue is gone", async () => !(await queues()).includes("tasker.other.partly"));
    config.manager.types = null;
    await fewer.stop();
  });

  test("renamed, it goes on with what it owes under the new name; the old one is reserved", async () => {
    const before = await w.manager("before");
    const busy = await w.post("/endpoints/before/rename", { name: "after" });
    expect([busy.status, busy.body.code]).toEqual([409, "illegal_state"]);
    await before.stop();
    const owed = await w.submit("deploy", { identifier: "owed-by-name", endpoints: ["before"] });
    for (const name of ["before", "Not A Name", ""])
      expect((await w.post("/endpoints/before/rename", { name })).status).toBe(422);
    const renamed = await w.post("/endpoints/before/rename", { name: "after" });
    expect([renamed.status, renamed.body]).toMatchObject([
      202,
      { endpoint: "after", renamed_from: "before", moved: 1 },
    ]);
    expect(renamed.headers.get("location")).toBe("/endpoints/after");
    expect((await read(owed)).endpoints).toEqual(["after"]);
    const after = await w.manager("after");
    await until("it is done under the new name", async () => (await read(owed)).status === "succeeded");
    if (mode !== "embedded") expect((await queues()).filter((name) => name.endsWith(".before"))).toEqual([]);
    const taken = await w.post("/endpoints/stays/rename", { name: "before" });
    expect([taken.status, taken.body.detail]).toMatchObject([409, expect.stringContaining("renamed to after")]);
    await after.stop();
  });
});
