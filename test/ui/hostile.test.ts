import { type TestSystem, world } from "../support/world";
import { openPages, type Pages, type Shown } from "./browser";

/** Whatever somebody writes into a name, a payload, a result or a log is shown as text. */
const MARKUP = `"><img src=x onerror="globalThis.hurt=1"><script>globalThis.hurt=2</script>`;
const REVERSED = "abc\u202Etxt.exe";
const ESCAPES = "\u001b[31mred\u001b[0m\u0007";
const FORMULA = '=HYPERLINK("http://elsewhere.example")';
const HUGE = "x".repeat(1_000_000);

let pages: Pages;
let w: TestSystem;
let shown: Shown;
let id: string;

beforeAll(async () => {
  pages = await openPages();
  w = await world("embedded", {
    types: { echo: { attempts: 1 } },
    functions: {
      echo: async (payload, context) => {
        context.log(`${MARKUP} ${ESCAPES}`);
        context.log("y".repeat(60_000));
        if (payload.fail) throw new Error(`${MARKUP} ${REVERSED}`);
        return { [MARKUP]: FORMULA, deep: [[[{ reversed: REVERSED }]]], huge: HUGE };
      },
    },
    uiDir: pages.uiDir,
  });
  await w.manager("a");
  const payload = { text: MARKUP, reversed: REVERSED, formula: FORMULA };
  id = (await w.settled(await w.submit("echo", { identifier: `${MARKUP.slice(0, 60)}${REVERSED}`, payload }))).id;
  await w.settled(await w.submit("echo", { identifier: FORMULA, payload: { fail: true } }));
  shown = await pages.open(w.url);
}, 300_000);
afterAll(async () => {
  await pages?.close();
  await w?.close();
});

test.each([
  ["overview", () => "/"],
  ["tasks", () => "/tasks"],
  ["matrix", () => "/matrix"],
  ["task", () => `/tasks/echo/${id}`],
  ["payload", () => `/tasks/echo/${id}?tab=payload`],
  ["results", () => `/tasks/echo/${id}?tab=results`],
  ["response", () => `/tasks/echo/${id}/responses/a`],
  [
    "an address made up by somebody",
    () => `/tasks?status=${encodeURIComponent(MARKUP)}&type=${encodeURIComponent(MARKUP)}`,
  ],
])("markup is text on the page: %s", async (_name, hash) => {
  await shown.go(hash());
  expect(await shown.page.evaluate("globalThis.hurt")).toBeUndefined();
  expect(await shown.page.locator("img").count()).toBe(0);
  expect(shown.problems).toEqual([]);
});

test("a long name moves no cell of the matrix out of its column", async () => {
  const { page, go } = shown;
  await go("/matrix");
  await page.locator(".mx-c").nth(1).waitFor();
  const script = `[...new Set([...document.querySelectorAll(".mx-c, .mx-head .mx-col")].map((cell) => cell.getBoundingClientRect().left))]`;
  expect(await page.evaluate(script)).toHaveLength(1);
});

test("characters that would turn or hide what stands around them are named", async () => {
  const { page, go } = shown;
  await go("/tasks");
  await page.locator(".ctl", { hasText: "U+202E" }).first().waitFor();
  expect(await page.locator("main").textContent()).not.toContain("\u202E");
});

test("a text of a megabyte is cut, and shown whole when asked for", async () => {
  const { page, go } = shown;
  await go(`/tasks/echo/${id}/responses/a`);
  const result = page.getByRole("region", { name: "Result" });
  expect((await result.textContent())?.length).toBeLessThan(5000);
  await result.getByRole("button", { name: "Show all 1000000 characters" }).click();
  await page.waitForFunction("document.querySelector('[aria-label=Result]').textContent.length > 1000000");
});

test("a log shows no escape sequences for colours, names other controls, and cuts long lines", async () => {
  const { page, go } = shown;
  await go(`/tasks/echo/${id}/responses/a`);
  const log = page.getByRole("region", { name: "Log of a" });
  await log.getByText("onerror").waitFor();
  const text = await log.textContent();
  expect(text).toContain("red");
  expect(text).not.toContain("[31m");
  expect(text).toContain("\u2407");
  await log
    .getByRole("button", { name: /Show all \d+ characters/ })
    .first()
    .waitFor();
});
