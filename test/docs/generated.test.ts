import { readFileSync } from "node:fs";
import { join } from "node:path";
import { withProblems } from "../../src/api/openapi/problems-page";
import { MEANINGS } from "../../src/config/meanings";
import { configKeys, configReference } from "../../src/config/reference";

const page = (name: string) => readFileSync(join(__dirname, "../../docs/reference", name), "utf8");

describe("pages made from the sources are fresh (npm run docs:generate)", () => {
  test("the config", () => expect(page("config.md")).toBe(configReference()));
  test("the problems", () => expect(page("problems.md")).toBe(withProblems(page("problems.md"))));
});

test("every key of the config has a meaning and says what is allowed, and no meaning is for a key that is not there", () => {
  const keys = configKeys();
  expect(keys.filter(({ allowed }) => allowed === "" || /^Invalid/.test(allowed))).toEqual([]);
  expect(keys.map(({ path }) => path).sort()).toEqual(Object.keys(MEANINGS).sort());
});
