import { createHash } from "node:crypto";
import { type TestSystem, world } from "../support/world";
import { axe, openPages, type Pages } from "./browser";

const hash = (key: string) => `sha256:${createHash("sha256").update(key).digest("hex")}`;

let pages: Pages;
let w: TestSystem;
beforeAll(async () => {
  pages = await openPages();
  w = await world("embedded", {
    types: { note: { attempts: 1, endpoints: ["a"], wait_for_endpoints_timeout: "1s" } },
    functions: { note: async () => null },
    more: {
      api: {
        keys: [
          { name: "looker", hash: hash("look"), scopes: ["read"] },
          { name: "operator", hash: hash("operate"), scopes: ["operate", "submit"] },
        ],
      },
    },
    uiDir: pages.uiDir,
  });
  const headers = { "x-api-key": "operate" };
  const answer = await w.post("/note", { identifier: "waiting" }, headers);
  expect(answer.status).toBe(202);
}, 300_000);
afterAll(async () => {
  await pages?.close();
  await w?.close();
});

async function logIn(key: string) {
  const shown = await pages.open(w.url);
  await shown.page.goto(`${w.url}/ui/#/tasks`);
  await shown.page.getByLabel("API key").fill(key);
  await shown.page.getByRole("button", { name: "Log in" }).click();
  return shown;
}

test("a server with keys asks for one, and says what is wrong with a wrong one", async () => {
  const { page, problems } = await logIn("guess");
  await page.getByText("The API key is not valid").waitFor();
  expect(await axe(page)).toEqual([]);
  expect(problems).toEqual([]);
  await page.context().close();
});

test("who may only read sees no actions, and no form to send", async () => {
  const { page, go } = await logIn("look");
  await page.getByRole("link", { name: "waiting" }).click();
  await page.getByRole("heading", { name: "waiting" }).waitFor();
  expect(await page.getByRole("button", { name: /^(Retry|Cancel)/ }).count()).toBe(0);
  await go("/types/note");
  await page.getByText("Rules").waitFor();
  expect(await page.getByRole("button", { name: /^Send/ }).count()).toBe(0);
  await page.context().close();
});

test("who may operate acts, stays logged in over a reload, and the key is nowhere in the browser", async () => {
  const { page } = await logIn("operate");
  await page.getByRole("link", { name: "waiting" }).click();
  await page.reload();
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByRole("button", { name: "Cancel the task" }).click();
  await page.getByText("1 withdrawn, 0 told to stop").waitFor();
  const cookies = await page.context().cookies();
  expect(cookies).toMatchObject([{ name: "tasker_session", httpOnly: true, sameSite: "Strict" }]);
  const kept = await page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])");
  expect(`${kept}${cookies[0]!.value}`).not.toContain('"operate"');
  expect(cookies[0]!.value).not.toContain("operate");
  await page.context().close();
});

test("a session that is over brings the login form back, and logging in leads on", async () => {
  const { page } = await logIn("look");
  await page.getByRole("link", { name: "waiting" }).waitFor();
  await page.context().clearCookies();
  await page.getByRole("link", { name: "Endpoints" }).click();
  await page.getByLabel("API key").fill("look");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.locator("tr[data-endpoint=a]").waitFor();
  await page.getByText("Display").click();
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByLabel("API key").waitFor();
  await page.context().close();
});
