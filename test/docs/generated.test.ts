import { readFileSync } from "node:fs";
import { join } from "node:path";
import { withProblems } from "../../src/api/openapi/problems-page";
import { MEANINGS } from "../../src/config/meanings";
import { configKeys, configReference } from "../../src/config/reference";

const { withFigures } = require("../../scripts/lib/readme-figures") as {
  withFigures(readme: string, performance: string): string;
};
const text = (name: string) => readFileSync(join(__dirname, "../..", name), "utf8");
const page = (name: string) => text(`docs/reference/${name}`);

describe("pages made from the sources are fresh (npm run docs:generate)", () => {
  test("the config", () => expect(page("config.md")).toBe(configReference()));
  test("the problems", () => expect(page("problems.md")).toBe(withProblems(page("problems.md"))));
  test("the README's figures", () =>
    expect(text("README.md")).toBe(withFigures(text("README.md"), text("docs/performance.md"))));
});

test("every key of the config has a meaning and says what is allowed, and no meaning is for a key that is not there", () => {
  const keys = configKeys();
  expect(keys.filter(({ allowed }) => allowed === "" || /^Invalid/.test(allowed))).toEqual([]);
  expect(keys.map(({ path }) => path).sort()).toEqual(Object.keys(MEANINGS).sort());
});
