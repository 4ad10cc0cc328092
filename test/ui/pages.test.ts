import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type TestSystem, world } from "../support/world";
import { axe, openPages, type Pages } from "./browser";

let pages: Pages;
let w: TestSystem;
let tasks: Array<[name: string, hash: string]>;

beforeAll(async () => {
  pages = await openPages();
  w = await world("embedded", {
    types: {
      report: { wait_for_endpoints_timeout: "300ms", attempts: 1, endpoints: ["db-1", "db-2", "db-3"] },
      pick: { deliver: "one" },
    },
    functions: {
      report: async (payload, context) => {
        context.log("looking");
        if (payload.fail) throw new Error("cannot read the disk");
        return { free: 12, endpoint: context.endpoint };
      },
      pick: async () => ({ picked: true }),
    },
    uiDir: pages.uiDir,
  });
  for (const endpoint of ["db-1", "db-2"]) await w.manager(endpoint);
  const good = await w.settled(await w.submit("report", { identifier: "good" }));
  await w.settled(
    await w.submit("report", { identifier: "bad", payload: { fail: true }, endpoints: ["db-1", "db-2"] }),
  );
  await w.settled(await w.submit("pick", { identifier: "one" }));
  tasks = [
    ["overview", "/"],
    ["tasks", "/tasks"],
    ["tasks, filtered to none", "/tasks?status=cancelled"],
    ["matrix", "/matrix"],
    ["task", `/tasks/report/${good.id}`],
    ["task's payload", `/tasks/report/${good.id}?tab=payload`],
    ["task's results", `/tasks/report/${good.id}?tab=results`],
    ["task's log", `/tasks/report/${good.id}?tab=log`],
    ["task's timeline", `/tasks/report/${good.id}?tab=timeline`],
    ["response", `/tasks/report/${good.id}/responses/db-1`],
    ["endpoints", "/endpoints"],
    ["endpoint", "/endpoints/db-3"],
    ["types", "/types"],
    ["type", "/types/report"],
    ["system", "/system"],
    ["no such page", "/nowhere"],
    ["no such task", "/tasks/report/00000000-0000-7000-8000-000000000000"],
  ];
}, 360_000);
afterAll(async () => {
  await pages?.close();
  await w?.close();
});

test.each(["light", "dark"] as const)(
  "every page satisfies WCAG 2.2 AA as far as axe can tell, %s",
  async (colorScheme) => {
    const { page, go, problems } = await pages.open(w.url, { colorScheme });
    const found: string[] = [];
    for (const [name, hash] of tasks) {
      await go(hash);
      for (const line of await axe(page, colorScheme === "light" ? "all" : "colours")) found.push(`${name}: ${line}`);
    }
    expect(found).toEqual([]);
    expect(problems).toEqual([]);
    await page.context().close();
  },
  480_000,
);

test("on a phone every page fits its width, and its things are large enough to touch", async () => {
  const { page, go } = await pages.open(w.url, {
    viewport: { width: 360, height: 740 },
    hasTouch: true,
    isMobile: true,
  });
  for (const [name, hash] of tasks) {
    await go(hash);
    const over = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
    expect([name, over]).toEqual([name, 0]);
    const hidden = await page.evaluate(
      "(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector('.nav'))",
    );
    expect([name, hidden]).toEqual([name, 0]);
    const small =
      await page.evaluate(`[...document.querySelectorAll("button, select, input:not([type=checkbox]):not([type=radio])")]
      .filter((one) => one.offsetParent && one.getBoundingClientRect().height < 24).map((one) => one.outerHTML.slice(0, 120))`);
    expect([name, small]).toEqual([name, []]);
  }
  await page.context().close();
}, 300_000);

test("a theme, a time zone and a way to tell times that were chosen are still chosen after a reload", async () => {
  const { page, go } = await pages.open(w.url, { timezoneId: "America/St_Johns" });
  await go("/tasks");
  const background = () => page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor");
  const light = await background();
  await page.getByText("Display").click();
  await page.getByRole("radio", { name: "Dark" }).check();
  await page.getByRole("radio", { name: "Absolute" }).check();
  await page.getByRole("radio", { name: "UTC" }).check();
  const dark = await background();
  expect(dark).not.toBe(light);
  await page.reload();
  await page.locator("tbody time").first().waitFor();
  expect(await background()).toBe(dark);
  const { items } = (await w.get("/tasks?limit=1")).body;
  const text = `${items[0].created_at.slice(0, 10)} ${items[0].created_at.slice(11, 19)} UTC`;
  expect(await page.locator("tbody time").first().textContent()).toBe(text);
  await page.context().close();
});

test("a server that goes away is told in words, and the page recovers by itself", async () => {
  const { page, go } = await pages.open(w.url);
  await go("/tasks");
  await page.locator("[data-live=live]").waitFor();
  await page.context().setOffline(true);
  await page.evaluate("window.dispatchEvent(new Event('offline'))");
  // An open stream is not cut by it, as little as by a broken cable: the next request is what fails.
  await page.getByRole("link", { name: "Endpoints" }).click();
  await page.getByText("The server does not answer.").first().waitFor();
  await page.context().setOffline(false);
  await page.getByRole("button", { name: "Try again" }).first().click();
  await page.locator("tr[data-endpoint=db-1]").waitFor();
  await page.context().close();
});

test("a page that is older than the server says so, and can be loaded anew", async () => {
  const { page, go } = await pages.open(w.url);
  await go("/tasks");
  await page.locator("[data-live=live]").waitFor();
  await page.route("**/session", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), version: "9.9.9" } });
  });
  await page.locator("[data-live]").click();
  await page.locator("[data-live=paused]").click();
  await page.getByText("The server is version 9.9.9 now").waitFor();
  expect(await axe(page, "colours")).toEqual([]);
  await page.getByRole("button", { name: "Reload" }).click();
  await page.getByText("The server is version 9.9.9 now").waitFor({ state: "detached" });
  await page.locator("[data-live=live]").waitFor();
  await page.context().close();
});

test("the JavaScript is at most 100 kB when compressed, and the page's file holds nothing inline", () => {
  const assets = join(pages.uiDir, "assets");
  const scripts = readdirSync(assets).filter((name) => name.endsWith(".js"));
  const size = [...scripts.map((name) => join(assets, name)), join(pages.uiDir, "theme.js")]
    .map((file) => gzipSync(readFileSync(file)).length)
    .reduce((sum, bytes) => sum + bytes, 0);
  expect(size).toBeLessThan(100_000);
  const html = readFileSync(join(pages.uiDir, "index.html"), "utf8");
  expect(html).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/i);
  expect(html).not.toMatch(/(src|href)="(?!\.\/)/);
});
