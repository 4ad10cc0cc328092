import type { HandleTask } from "../../src/model/handler";
import { type TestSystem, world } from "../support/world";
import { openPages, type Pages, picture, type Shown } from "./browser";

/**
 * One story from end to end, in a real browser against a real server: a task to five endpoints of which one is down becomes
 * incomplete; the endpoint starts and it completes; a failed one is retried, a running one cancelled. All on the pages,
 * nothing is reloaded by hand.
 */
let release!: () => void;
const released = new Promise<void>((resolve) => {
  release = resolve;
});
let diskIsFull = true;

const update: HandleTask = async (payload, context) => {
  context.log(`installing ${payload.version}`);
  if (payload.hold) {
    context.progress(0.4, "waiting to be cancelled");
    await Promise.race([
      released,
      new Promise((_, reject) => context.signal.addEventListener("abort", () => reject(new Error("stopped")))),
    ]);
  }
  if (payload.disk === context.endpoint && diskIsFull) throw new Error(`no space left on ${context.endpoint}`);
  return { version: payload.version as string, endpoint: context.endpoint };
};

let pages: Pages;
let w: TestSystem;
let shown: Shown;

beforeAll(async () => {
  pages = await openPages();
  w = await world("embedded", {
    types: {
      "app-update": {
        wait_for_endpoints_timeout: "2s",
        attempts: 1,
        endpoints: ["lb-1", "lb-2", "lb-3", "lb-4", "lb-5"],
        payload_schema: {
          type: "object",
          required: ["version"],
          additionalProperties: false,
          properties: {
            version: { type: "string", title: "Version", minLength: 1 },
            hold: { type: "boolean" },
            disk: { type: "string" },
          },
        },
      },
    },
    functions: { "app-update": update },
    uiDir: pages.uiDir,
  });
  for (const endpoint of ["lb-1", "lb-2", "lb-3", "lb-5"]) await w.manager(endpoint);
  for (let i = 1; i <= 9; i++) {
    const payload = { version: `1.${i}`, ...(i === 6 ? { disk: "lb-3" } : {}) };
    const task = {
      identifier: `release-1.${i}`,
      payload,
      endpoints: ["lb-1", "lb-2", "lb-3", "lb-5"],
    };
    await w.settled(await w.submit("app-update", task));
  }
  const held = { version: "1.10", hold: true };
  await w.submit("app-update", { identifier: "release-1.10", payload: held, endpoints: ["lb-1", "lb-2"] });
  shown = await pages.open(w.url);
}, 360_000);
afterAll(async () => {
  release();
  await pages?.close();
  await w?.close();
});

test("a task is sent with the form that the payload's schema makes, and the server's refusal is told in its words", async () => {
  const { page, go } = shown;
  await go("/types/app-update");
  await page.getByLabel("Identifier", { exact: true }).fill("release-2.0");
  await page.getByRole("button", { name: /^Send to all 5/ }).click();
  await page.getByRole("alert").filter({ hasText: "#/payload/version" }).waitFor();
  await page.getByLabel("Version").fill("2.0");
  await page.getByRole("button", { name: /^Send to all 5/ }).click();
  await page.getByRole("heading", { name: "release-2.0" }).waitFor();
});

test("it becomes incomplete, and the page says who is missing", async () => {
  const { page } = shown;
  await page.locator("[data-missing]").filter({ hasText: "did not receive it in time: lb-4" }).waitFor();
  await page.locator("tr[data-endpoint=lb-4]").filter({ hasText: "missing" }).waitFor();
  expect(await page.locator(".head-line .bar-line").first().textContent()).toContain("4/5");
});

test("the matrix shows the missing cell, the overview and the endpoints say who owes the answer", async () => {
  const { page, go } = shown;
  await go("/matrix");
  await page.getByRole("gridcell", { name: "task release-2.0 endpoint lb-4: missing, not received" }).waitFor();
  await picture(page, "matrix-light");
  await page.emulateMedia({ colorScheme: "dark" });
  await picture(page, "matrix-dark");
  await page.emulateMedia({ colorScheme: "light" });
  await go("/");
  await page
    .locator(".attention li")
    .filter({ hasText: "lb-4 has never connected" })
    .filter({ hasText: "owes 1 answer" })
    .waitFor();
  await picture(page, "overview-light");
  await page.emulateMedia({ colorScheme: "dark" });
  await picture(page, "overview-dark");
  await page.emulateMedia({ colorScheme: "light" });
  await go("/endpoints");
  await page
    .locator("tr[data-endpoint=lb-4]")
    .filter({ hasText: "never seen" })
    .filter({ hasText: "owes 1 answer" })
    .waitFor();
});

test("the endpoint starts, and the matrix completes by itself", async () => {
  const { page, go } = shown;
  await go("/matrix");
  await page.getByRole("gridcell", { name: "task release-2.0 endpoint lb-4: missing, not received" }).waitFor();
  await w.manager("lb-4");
  await page.getByRole("gridcell", { name: "task release-2.0 endpoint lb-4: succeeded" }).waitFor();
  await page.getByRole("gridcell", { name: "5 of 5 answered, 0 need attention" }).waitFor();
});

test("a failed one is found in the list, its error is read in the panel, and it is retried", async () => {
  const { page, go } = shown;
  await w.settled(
    await w.submit("app-update", { identifier: "release-3.0", payload: { version: "3.0", disk: "lb-2" } }),
  );
  // Inside the grid the pointer would hold everything where it is.
  await page.mouse.move(0, 0);
  await go("/matrix?problems=1");
  await page.getByRole("gridcell", { name: "task release-3.0 endpoint lb-2: failed" }).click();
  const panel = page.getByRole("complementary", { name: "Response of lb-2" });
  await panel.getByText("no space left on lb-2").first().waitFor();
  await panel.getByText("installing 3.0").waitFor();
  await go("/tasks?status=failed");
  await page.getByRole("link", { name: "release-3.0" }).click();
  await picture(page, "task-light");
  diskIsFull = false;
  await page.getByRole("button", { name: "Retry 1 failed" }).click();
  await page.locator(".head-line").filter({ hasText: "5/5" }).waitFor();
  await page.getByText("1 response opened again.").waitFor();
});

test("the answers stand side by side, and an endpoint's own name makes no difference", async () => {
  const { page } = shown;
  await page.getByRole("tab", { name: "Results" }).click();
  await page.getByText("All 5 results are the same.").waitFor();
  await page.getByRole("tab", { name: "Timeline" }).click();
  await page.getByText("lb-2 received it").waitFor();
});

test("a running one is cancelled after a question that says what will happen", async () => {
  const { page, go } = shown;
  const task = await w.submit("app-update", { identifier: "release-4.0", payload: { version: "4.0", hold: true } });
  await go(`/tasks/app-update/${task.id}`);
  await page.locator("tr[data-endpoint=lb-1]").filter({ hasText: "running 40 %" }).waitFor();
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByRole("dialog").getByText("5 under way are told to stop").waitFor();
  await page.getByRole("button", { name: "Cancel the task" }).click();
  await page.locator("tr[data-endpoint=lb-1]").filter({ hasText: "cancelled" }).waitFor();
  await page.locator(".head-line").filter({ hasText: "cancelled" }).first().waitFor();
});

test("bulk: all that match are counted, asked about with the count, and worked through", async () => {
  const { page, go } = shown;
  for (let i = 0; i < 3; i++) {
    await w.submit("app-update", {
      identifier: `later-${i}`,
      payload: { version: "5" },
      delay_until: "2099-01-01T00:00:00Z",
    });
  }
  await go("/tasks?status=scheduled");
  await page.getByRole("button", { name: "Cancel all that match" }).click();
  await page.getByRole("button", { name: "Count them" }).click();
  await page.getByText("3 tasks will be cancelled.").waitFor();
  await page.getByRole("button", { name: "Cancel 3 tasks" }).click();
  await page.getByText("3 of 3 done, 15 responses withdrawn").waitFor();
  await page.getByRole("button", { name: "Close", exact: true }).click();
  await page.getByText("No task matches these filters.").waitFor();
});

test("paused means that nothing is loaded at all, and going on shows what has happened meanwhile", async () => {
  const { page, go } = shown;
  await go("/tasks");
  await page.locator("[data-live=live]").click();
  await page.locator("[data-live=paused]").waitFor();
  let requests = 0;
  page.on("request", () => requests++);
  await w.settled(await w.submit("app-update", { identifier: "while-paused", payload: { version: "6" } }));
  // Longer than any interval of the page: what must not happen cannot be awaited.
  await page.waitForTimeout(6000);
  expect(requests).toBe(0);
  expect(await page.getByRole("link", { name: "while-paused" }).count()).toBe(0);
  await page.mouse.move(0, 0);
  await page.locator("[data-live=paused]").press("Enter");
  await page.locator("[data-live=live]").waitFor();
  await page.getByRole("link", { name: "while-paused" }).waitFor();
});

test("an endpoint is removed after a question that says what will happen, and what it owed is final", async () => {
  const { page, go } = shown;
  await w.api.store.tasks.registerEndpoints("app-update", ["lb-1", "lb-9"]);
  const task = await w.submit("app-update", { identifier: "for-lb-9", payload: { version: "7" }, endpoints: ["lb-9"] });
  await go("/endpoints/lb-9");
  await page.getByRole("button", { name: "Remove …" }).click();
  await page.getByRole("dialog").getByText("the answer that it owes is cancelled for good").waitFor();
  await page.getByRole("button", { name: "Leave it" }).click();
  expect((await w.get("/endpoints/lb-9")).status).toBe(200);
  await page.getByRole("button", { name: "Remove …" }).click();
  await page.getByRole("button", { name: "Remove the endpoint" }).click();
  await page.getByText("lb-9 is removed; the answer that it owes is cancelled.").waitFor();
  await page.locator("tr[data-endpoint=lb-9]").waitFor({ state: "detached" });
  const { responses } = (await w.get(`/app-update/${task.id}`)).body;
  expect(responses).toMatchObject([{ status: "cancelled", reason: "endpoint_removed" }]);
});

test("nothing went to another host, and nothing complained", () => {
  expect(shown.problems).toEqual([]);
});
