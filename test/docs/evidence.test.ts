import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(__dirname, "..", "..");
const REFERENCE = /(test\/[\w./-]+\.ts) "([^"|]+)"/g;

/** What these pages name as a test must be one. */
describe.each(["docs/guarantees.md", "SECURITY.md"])("the tests that %s names", (page) => {
  const text = readFileSync(join(ROOT, page), "utf8");
  const named = [...text.matchAll(REFERENCE)].map(([, file, name]) => [file!, name!] as const);

  test("are more than a few, and every row of a table of tests names one", () => {
    expect(named.length).toBeGreaterThan(15);
    const rows = text.split("\n").filter((line) => /^\|.*\btest\//.test(line));
    for (const row of rows) expect([row, row.match(REFERENCE)?.length]).toEqual([row, 1]);
  });

  test.each(named)("%s: %s", (file, name) => {
    expect(existsSync(join(ROOT, file))).toBe(true);
    const source = readFileSync(join(ROOT, file), "utf8");
    const starts = ["test", "it", "describe"].flatMap((word) => [`${word}("${name}"`, `${word}(\n    "${name}"`]);
    expect(starts.some((start) => source.includes(start))).toBe(true);
  });
});

test("every bad input of S1 to S14 has its row", () => {
  const text = readFileSync(join(ROOT, "SECURITY.md"), "utf8");
  for (let n = 1; n <= 14; n++) expect(text).toContain(`| S${n} |`);
});

test("every check of /readyz and its limits have a place on the page of alarms", () => {
  const page = readFileSync(join(ROOT, "docs/alarms.md"), "utf8");
  const health = readFileSync(join(ROOT, "src/tasks/health.ts"), "utf8");
  const checks = ["database", "broker", "outbox", "waiting", "reconciler"];
  for (const check of checks) {
    expect(health).toMatch(new RegExp(`^ +${check}[:,]`, "m"));
    expect(page).toMatch(new RegExp(`^## .*\`${check}\``, "m"));
  }
});
