import { repetitions } from "./support/checker";
import type { Fault, JournalEntry } from "./support/scene";

const MANAGER = 10;
const managers = new Set([MANAGER]);

function execution(attempt: number, from: number, to: number, parent: number | null = MANAGER): JournalEntry[] {
  const entry = { taskId: "t", endpoint: "a", attempt, pid: 20 + attempt, parent };
  return [
    { ...entry, what: "start", at: from },
    { ...entry, what: "end", at: to },
  ];
}

const kill = (from: number, to = from, endpoint: string | null = "a", pid: number | null = null): Fault => ({
  what: "kill",
  endpoint,
  pid,
  from,
  to,
});
const twice = (first: JournalEntry[], faults: Fault[], ...outcomes: string[]) =>
  repetitions([...first, ...execution(2, 20_000, 20_100)], faults, managers, new Set(outcomes));

describe("what the checker says of an execution that followed another", () => {
  const unexplained = { executedTwice: 1, repeated: 0 };
  const explained = { executedTwice: 0, repeated: 1 };

  test("without a fault nothing explains it", () => {
    expect(twice(execution(1, 1000, 2000), [], "t a 1 lost")).toMatchObject(unexplained);
  });

  test("a fault that met it explains it, if the store says that its lease was lost", () => {
    expect(twice(execution(1, 1000, 2000), [kill(1500)], "t a 1 lost")).toMatchObject(explained);
    expect(twice(execution(1, 1000, 2000), [kill(1500)], "t a 1 superseded")).toMatchObject(explained);
    expect(twice(execution(1, 1000, 2000), [kill(1500)], "t a 1 succeeded")).toMatchObject(unexplained);
    expect(twice(execution(1, 1000, 2000), [kill(1500)])).toMatchObject(unexplained);
  });

  test("a fault of another time or at another endpoint does not", () => {
    expect(twice(execution(1, 1000, 2000), [kill(900)], "t a 1 lost")).toMatchObject(unexplained);
    expect(twice(execution(1, 1000, 2000), [kill(9000)], "t a 1 lost")).toMatchObject(unexplained);
    expect(twice(execution(1, 1000, 2000), [kill(1500, 1500, "b")], "t a 1 lost")).toMatchObject(unexplained);
  });

  test("a result that its killed manager still held is explained for longer", () => {
    expect(twice(execution(1, 1000, 2000), [kill(9000, 9000, "a", MANAGER)], "t a 1 lost")).toMatchObject(explained);
    expect(twice(execution(1, 1000, 2000), [kill(9000, 9000, "a", 11)], "t a 1 lost")).toMatchObject(unexplained);
    expect(twice(execution(1, 1000, 2000), [kill(15_000, 15_000, "a", MANAGER)], "t a 1 lost")).toMatchObject(
      unexplained,
    );
  });

  test("one that began when its manager was gone is explained by that", () => {
    expect(twice(execution(1, 1000, 2000, 1), [kill(900)], "t a 1 lost")).toMatchObject(explained);
    expect(twice(execution(1, 1000, 2000, 1), [kill(900)])).toMatchObject(unexplained);
  });

  test("one that had begun before its claim is explained by a fault that met it, if the next one counts the same", () => {
    const next = (attempt: number, faults: Fault[], late = true) =>
      repetitions(
        [...execution(1, 1000, 2000), ...execution(attempt, 20_000, 20_100)],
        ...([faults, managers, new Set<string>(), late] as const),
      );
    expect(next(1, [kill(1500)])).toMatchObject(explained);
    expect(next(1, [])).toMatchObject(unexplained);
    expect(next(2, [kill(1500)])).toMatchObject(unexplained);
    expect(next(1, [kill(1500)], false)).toMatchObject(unexplained);
  });

  test("one that did not come to its end may always follow another", () => {
    expect(twice(execution(1, 1000, 2000).slice(0, 1), [])).toMatchObject({ executedTwice: 0, repeated: 0 });
  });
});
