import type { Locator } from "playwright-core";
import { newId } from "../../src/model/ids";
import { onTerminal } from "../cli/support";
import { until } from "../support/until";
import { type Body, type TestSystem, world } from "../support/world";
import { openPages, type Pages, type Shown } from "./browser";

jest.setTimeout(120_000);

/** What the pages and the command line say in numbers, read as text, against what the API says. */

const NAMES = Array.from({ length: 5 }, (_, i) => `db-${i + 1}`);
let pages: Pages;
let on: TestSystem;
let shown: Shown;
let failing: Body;
let jobs: Body;

beforeAll(async () => {
  pages = await openPages();
  on = await world("embedded", {
    types: {
      check: { attempts: 1, wait_for_endpoints_timeout: "300ms" },
      nightly: { attempts: 1, wait_for_endpoints_timeout: "300ms", jobs: ["check", "second", "third"] },
    },
    functions: {
      check: async (payload) => {
        if (payload.fail === true) throw new Error("cannot read the disk");
        return { free: 12 };
      },
      second: async () => {
        throw new Error("cannot read the disk");
      },
      third: async () => null,
    },
    uiDir: pages.uiDir,
  });
  for (const endpoint of NAMES.slice(0, 4)) await on.manager(endpoint);
  // Four of five answer, all by failing; the fifth is not there: the task is incomplete, not failed.
  failing = await on.settled(
    await on.submit("check", { identifier: "mostly failed", endpoints: NAMES, payload: { fail: true } }),
  );
  jobs = await on.settled(await on.submit("nightly", { identifier: newId(), endpoints: ["db-1"] }));
  await on.settled(await on.submit("check", { identifier: "good", endpoints: ["db-1", "db-2"] }));
  // Lists filter by the stored status, which trails what a reading computes.
  await until("the incomplete task in lists", async () => {
    return (await on.get("/check?status=incomplete")).body.items.length === 1;
  });
  shown = await pages.open(on.url);
}, 480_000);
afterAll(async () => {
  await pages?.close();
  await on?.close();
});

/** As it is read: what only a screen reader hears is heard, too. */
const read = async (place: Locator) => ((await place.first().textContent()) ?? "").replace(/\s+/g, " ").trim();
const textOf = (selector: string) => read(shown.page.locator(selector));
const rowOf = (name: string) => shown.page.locator("tr").filter({ hasText: name });

test("the API says that four have answered by failing, and that no task of theirs has failed", () => {
  expect(failing).toMatchObject({ status: "incomplete", settled: true, completeness: { succeeded: 0, failed: 4 } });
  expect(jobs).toMatchObject({ status: "failed", completeness: { expected: 1, failed: 1 } });
});

test("the overview tells tasks and responses apart, and counts each as its label says", async () => {
  await shown.go("/");
  const all: Body[] = (await on.get("/tasks?limit=100")).body.items;
  const tiles = new Map<string, string>();
  for (const tile of await shown.page.locator(".tile").all()) {
    tiles.set((await read(tile.locator(".label"))).replace(/^\W+/, ""), await read(tile.locator(".value")));
  }
  const count = (...statuses: string[]) => String(all.filter(({ status }) => statuses.includes(status)).length);
  expect(Object.fromEntries(tiles)).toEqual({
    "tasks waiting or running": count("pending", "running", "scheduled"),
    "tasks incomplete": count("incomplete"),
    "tasks failed, of the last 24 h": count("failed"),
    "responses failed, of tasks of the last 24 h": String(all.reduce((sum, task) => sum + task.completeness.failed, 0)),
    "tasks finished in the last minute": expect.stringMatching(/^[0-2]$/),
    "endpoints alive": "4 of 4",
    "age of the oldest incomplete task": expect.stringMatching(/ (ms|s|min)/),
  });
  expect([tiles.get("tasks incomplete"), tiles.get("responses failed, of tasks of the last 24 h")]).toEqual(["1", "5"]);
});

test("the list, the task and the matrix say how many have answered, and not how many succeeded", async () => {
  await shown.go("/tasks");
  const cell = rowOf("mostly failed").locator('[data-label="Answered"]');
  expect(await read(cell)).toMatch(/^4\/5/);
  expect(await read(cell)).toContain("answered: 4 failed, 1 missing");
  await shown.go(`/tasks/check/${failing.id}`);
  expect(await textOf(".head-line")).toMatch(/answered 4\/5/);
  expect(await shown.page.getByRole("button", { name: "Retry 4 failed" }).count()).toBe(1);
  expect(await shown.page.getByRole("button", { name: "Retry 1 not received" }).count()).toBe(1);
  await shown.go("/matrix");
  const row = shown.page.locator(".mx-row").filter({ hasText: "mostly failed" });
  await row.waitFor();
  expect(await textOf(".mx-head .mx-total")).toBe("Answered");
  expect(await read(row.locator(".mx-total"))).toBe("4/5");
  expect(await textOf(".mx-count")).toBe("3 tasks, 5 endpoints");
});

test("what a button opens again is counted as responses, of which an endpoint with jobs has several", async () => {
  await shown.go(`/tasks/nightly/${jobs.id}`);
  expect(await textOf(".head-line")).toMatch(/answered 1\/1/);
  await shown.page.getByRole("button", { name: "Retry 1 failed" }).click();
  await shown.page.getByText("1 response opened again.").waitFor();
  await on.settled(jobs);
});

test("an endpoint owes what the API says is open there", async () => {
  await shown.go("/endpoints");
  const { items } = (await on.get("/endpoints")).body;
  for (const { name, open } of items as Body[]) {
    const owed = open.expected + open.received + open.running + open.retrying;
    const said = await textOf(`tr[data-endpoint=${name}] [data-label="Owes"]`);
    expect([name, said]).toEqual([name, owed === 0 ? "nothing" : `owes ${owed} ${owed === 1 ? "answer" : "answers"}`]);
  }
  await shown.go("/types/check");
  const { open } = (await on.get("/types/check")).body;
  expect(await textOf("dl.facts >> text=1 expected")).toContain(`${open.expected} expected`);
});

test("the command line says the same", async () => {
  const { stdout } = await onTerminal(["list", "--no-color", "--url", on.url]).ended;
  expect(stdout).toMatch(/STATUS\s+ANSWERED\s+MISSING/);
  expect(stdout).toMatch(/mostly failed\s.*incomplete\S*\s+4\/5\s+db-5/);
});
