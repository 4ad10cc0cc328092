import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Chart {
  title: string;
  x: { name: string; scale: "linear" | "log" | "category" };
  y: { name: string };
  lines: Array<{ name: string; points: Array<{ x: number; y: number; min?: number; max?: number }> }>;
}
const { plot } = require("../../bench/lib/plot") as { plot(chart: Chart): string };
const { intoDocument, markdown, number } = require("../../bench/lib/document") as {
  intoDocument(file: string, name: string, text: string): void;
  markdown(head: string[], rows: string[][]): string;
  number(value: number): string;
};

const chart: Chart = {
  title: 'Speed of <a> & "b"',
  x: { name: "endpoints", scale: "log" },
  y: { name: "responses/s" },
  lines: [
    {
      name: "first",
      points: [
        { x: 1, y: 0 },
        { x: 100, y: 500, min: 400, max: 1000 },
      ],
    },
    { name: "second", points: [{ x: 10, y: 250 }] },
  ],
};

/** Where the markers of the first line stand. */
function circles(svg: string): Array<{ x: number; y: number }> {
  return [...svg.matchAll(/<circle class="m0" cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => ({
    x: Number(x),
    y: Number(y),
  }));
}

test("a plot names its axes, its units and its lines", () => {
  const svg = plot(chart);
  for (const text of ["endpoints", "responses/s", "first", "second", "1,000"]) expect(svg).toContain(`>${text}</text>`);
});

test("a plot is well-formed whatever its names hold", () => {
  const svg = plot(chart);
  expect(svg).toContain("Speed of &lt;a&gt; &amp; &quot;b&quot;");
  const tags = [...svg.matchAll(/<(\/?)([a-z]+)[^<>]*?(\/?)>/g)].filter(([, , , own]) => own === "");
  const open: string[] = [];
  for (const [, closing, name] of tags) {
    if (closing) expect(open.pop()).toBe(name);
    else open.push(name!);
  }
  expect(open).toEqual([]);
});

test("a plot has colours for dark pages and a ground of its own", () => {
  const svg = plot(chart);
  expect(svg).toContain("prefers-color-scheme: dark");
  expect(svg).toContain('<rect class="ground"');
});

test("values stand where the axes say: 0 at the bottom, the largest step at the top, each power of ten as wide as the next", () => {
  const svg = plot(chart);
  const [zero, half] = circles(svg);
  expect(zero!.y).toBe(244);
  expect(half!.y).toBeCloseTo((244 + 52) / 2, 0);
  const middle = /<rect class="m1" x="([\d.]+)"[^>]*y="([\d.]+)"/g;
  const second = [...svg.matchAll(middle)][0]!;
  expect(Number(second[1]) + 4).toBeCloseTo((zero!.x + half!.x) / 2, 0);
});

test("categories stand at equal distances", () => {
  const points = [0, 1_000_000, 5_000_000].map((x) => ({ x, y: 1 }));
  const svg = plot({ ...chart, x: { name: "tasks", scale: "category" }, lines: [{ name: "only", points }] });
  const [a, b, c] = circles(svg);
  expect(b!.x - a!.x).toBeCloseTo(c!.x - b!.x, 0);
  expect(svg).toContain(">5 M</text>");
});

test("a table has a head, a rule and a row for each", () => {
  expect(markdown(["a", "b"], [["1", "2"]])).toBe("| a | b |\n| --- | --- |\n| 1 | 2 |");
  expect([1234.4, 12.34, 0.456].map(number)).toEqual(["1,234", "12.3", "0.46"]);
});

describe("a document", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "tasker-bench-test-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test("keeps what people wrote around the results, and takes results again and again", () => {
    const file = join(folder, "a.md");
    writeFileSync(file, "before\n\n<!-- cost: from here -->\nold\n<!-- cost: to here -->\n\nafter\n");
    intoDocument(file, "cost", "new");
    intoDocument(file, "cost", "newer");
    expect(readFileSync(file, "utf8")).toBe(
      "before\n\n<!-- cost: from here -->\n\nnewer\n\n<!-- cost: to here -->\n\nafter\n",
    );
  });

  test("without a place for the results is refused", () => {
    const file = join(folder, "a.md");
    writeFileSync(file, "nothing\n");
    expect(() => intoDocument(file, "cost", "new")).toThrow("has no place for the results");
    expect(readFileSync(file, "utf8")).toBe("nothing\n");
  });
});
