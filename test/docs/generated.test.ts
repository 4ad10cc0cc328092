import { readFileSync } from "node:fs";
import { join } from "node:path";
import { withProblems } from "../../src/api/openapi/problems-page";
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

test("every key of the config has a meaning and says what is allowed", () => {
  const keys = configKeys();
  expect(keys.length).toBeGreaterThan(80);
  expect(keys.filter(({ meaning }) => meaning === "")).toEqual([]);
  expect(keys.filter(({ allowed }) => allowed === "" || /^Invalid/.test(allowed))).toEqual([]);
});
