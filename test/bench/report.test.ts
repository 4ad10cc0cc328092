interface Budget {
  text: string;
  measured: string;
  kept: boolean;
}
interface Memory {
  heapMb: number;
  residentMb: number;
}
interface Cost {
  idle: { memory: Record<string, { median: number; max: number }> };
  many: { tasks: number; points: Array<{ tasks: number; memory: Record<string, Memory> }> };
}
const { budgets } = require("../../bench/lib/cost-report") as { budgets(cost: Cost): Budget[] };
const { growthPlots, growthTable, kept } = require("../../bench/lib/growth-report") as {
  growthPlots(part: object): Array<{ file: string; svg: string }>;
  growthTable(part: object): string;
  kept(part: object): string | null;
};

function cost({ idle, held }: { idle: number; held: number[] }): Cost {
  const points = held.map((heapMb, n) => {
    const memory = { heapMb, residentMb: heapMb + 50 };
    return { tasks: n * 100_000, memory: { api: memory, manager: memory } };
  });
  return { idle: { memory: { manager: { median: idle, max: idle } } }, many: { tasks: 1_000_000, points } };
}

test("budgets are kept by a small manager that holds no more at the end", () => {
  expect(budgets(cost({ idle: 80, held: [20, 30, 30.5] })).map(({ kept }) => kept)).toEqual([true, true, true]);
});

test("budgets are missed by a manager that is too large, and by whatever grows beyond the noise", () => {
  expect(budgets(cost({ idle: 91, held: [20, 30, 60] })).map(({ kept }) => kept)).toEqual([false, false, false]);
});

const value = (median: number) => ({ median, min: median - 1, max: median + 1, runs: [] });
const part = {
  name: "tables",
  title: "Finished tasks",
  x: { name: "tasks", scale: "category" },
  series: [
    { name: "single", unit: "tasks/s", title: "single" },
    { name: "batch", unit: "tasks/s", title: "batch" },
    { name: "read", unit: "requests/s", title: "reads" },
    { name: "list", unit: "requests/s", title: "lists" },
    { name: "post p50", unit: "ms", title: "POST" },
  ],
  points: [0, 5_000_000].map((x) => ({
    x,
    values: { single: value(x ? 180 : 200), batch: value(400), read: value(50), list: value(60), "post p50": value(3) },
    cpuMicros: [{}],
  })),
};

test("the growth's table has a row for each size and a column for each figure", () => {
  const lines = growthTable(part).split("\n");
  expect(lines[0]).toBe(
    "| tasks | single, tasks/s | batch, tasks/s | reads, requests/s | lists, requests/s | POST, ms |",
  );
  expect(lines.at(-1)).toContain("| 5,000,000 | 180 (179–181) | 400 (399–401) |");
});

test("it says what is left of the throughput", () => {
  expect(kept(part)).toContain("single 90 %, batch 100 %, read 100 %, list 100 %");
});

test("what has different units stands in different pictures", () => {
  const plots = growthPlots(part);
  expect(plots.map(({ file }) => file)).toEqual([
    "growth-tables-tasks.svg",
    "growth-tables-requests.svg",
    "growth-tables-ms.svg",
  ]);
  for (const { svg } of plots) expect(svg).toMatch(/^<svg /);
});
