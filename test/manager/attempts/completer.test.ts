import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StoreUnavailable } from "../../../src/errors";
import { Completer } from "../../../src/manager/attempts/completer";
import { readSpool, Spool } from "../../../src/manager/attempts/spool";
import type { AttemptEnd, EndAnswer } from "../../../src/store/store";
import { contextOf, endOf, testFolder } from "../support";

const folder = testFolder();
const completers: Completer[] = [];
const ending = new AbortController();
afterAll(async () => {
  ending.abort();
  for (const completer of completers) await completer.close();
  rmSync(folder, { recursive: true });
});

/** A completer over a store that answers each call as the test says. */
function bench(name: string, answer: (ends: readonly AttemptEnd[]) => Promise<EndAnswer[]>) {
  const calls: AttemptEnd[][] = [];
  const finish = (ends: readonly AttemptEnd[]) => {
    calls.push([...ends]);
    return answer(ends);
  };
  const context = contextOf(folder, { finish }, { over: ending.signal });
  const holds = new Set<string>();
  const spool = new Spool(join(folder, name), "0", name);
  const subscriptions = {
    hold: async (reason: string) => void holds.add(reason),
    unhold: (reason: string) => void holds.delete(reason),
  };
  const completer = new Completer(context, spool, subscriptions, { doubt: () => undefined });
  completers.push(completer);
  return { calls, context, holds, spool, completer };
}

const recorded = (ends: readonly AttemptEnd[]): EndAnswer[] => ends.map(() => ({ kind: "recorded" }));

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("ends that are adjacent in time share a call of at most a hundred", async () => {
  const { calls, completer } = bench("batch", async (ends) => recorded(ends));
  const ends = Array.from({ length: 250 }, () => endOf());
  const answers = await Promise.all(ends.map((end) => completer.finish(end)));
  expect(answers).toEqual(recorded(ends));
  expect(calls.map((call) => call.length)).toEqual([100, 100, 50]);
  expect(calls.flat()).toEqual(ends);
});

test("while the store is away, ends go to the spool, consuming is held, and nothing is answered before the store has it", async () => {
  let away = true;
  const { context, completer, holds, spool } = bench("away", async (ends) => {
    if (away) throw new StoreUnavailable("gone");
    return recorded(ends);
  });
  const end = endOf();
  let answer: EndAnswer | null = null;
  const finished = completer.finish(end).then((given) => {
    answer = given;
  });
  await until(() => context.counters.spooled === 1);
  expect((await readSpool(spool.file)).ends).toEqual([end]);
  expect(holds.size).toBe(1);
  expect(answer).toBeNull();
  away = false;
  await finished;
  expect(answer).toEqual({ kind: "recorded" });
  await until(() => holds.size === 0);
  expect(readFileSync(spool.file, "utf8")).toBe("");
});

test("a store that neither answers nor fails does not keep ends from the spool", async () => {
  const { context, completer, spool } = bench("hangs", () => new Promise(() => undefined));
  const ends = [endOf(), endOf()];
  void completer.finish(ends[0]!);
  await until(() => context.counters.spooled === 1);
  void completer.finish(ends[1]!);
  await until(() => context.counters.spooled === 2);
  expect((await readSpool(spool.file)).ends).toEqual(ends);
});

test("when the disk refuses the spool as well, ends stay in memory until the store is back", async () => {
  let away = true;
  // A file stands where the folder should be: every write fails.
  writeFileSync(join(folder, "refused"), "");
  const { context, completer, holds } = bench("refused", async (ends) => {
    if (away) throw new StoreUnavailable("gone");
    return recorded(ends);
  });
  const finished = completer.finish(endOf());
  await until(() => holds.size === 1);
  expect(context.counters.spooled).toBe(0);
  away = false;
  expect(await finished).toEqual({ kind: "recorded" });
});

test("a flush that has to give up leaves everything in the spool", async () => {
  const { completer, spool } = bench("flush", async () => {
    throw new StoreUnavailable("gone");
  });
  const ends = [endOf(), endOf()];
  for (const end of ends) void completer.finish(end);
  expect(await completer.flush(10)).toBe(false);
  expect((await readSpool(spool.file)).ends).toEqual(ends);
});

test("what an earlier manager left is finished under its old lease, then its file is removed", async () => {
  const { calls, context, completer } = bench("replay", async (ends) => recorded(ends));
  const left = [endOf(), endOf()];
  const file = join(folder, "replay", `0.${process.ppid}.earlier.jsonl`);
  mkdirSync(join(folder, "replay"));
  writeFileSync(file, `${left.map((end) => JSON.stringify(end)).join("\n")}\n{"taskId":"01`);
  await completer.replay(join(folder, "replay"));
  expect(calls.flat()).toEqual(left);
  expect(context.counters.replayed).toBe(2);
  expect(existsSync(file)).toBe(false);
});

test("a result that the store refuses becomes a failure with a preview; its neighbours are untouched", async () => {
  const { calls, completer } = bench("refusal", async (ends) =>
    ends.map((end) =>
      end.result === "bad" ? { kind: "refused", error: new Error("Data too long") } : { kind: "recorded" },
    ),
  );
  const answers = await Promise.all([completer.finish(endOf({ result: "bad" })), completer.finish(endOf())]);
  expect(answers).toEqual([{ kind: "recorded" }, { kind: "recorded" }]);
  expect(calls[1]).toMatchObject([
    { status: "failed", reason: "result_not_storable", result: null, resultText: "bad" },
  ]);
});

test("an end that the store takes in no form is answered, not kept for ever", async () => {
  const { calls, completer } = bench("hopeless", async (ends) =>
    ends.map(() => ({ kind: "refused", error: new Error("no") })),
  );
  expect(await completer.finish(endOf())).toMatchObject({ kind: "refused" });
  expect(calls).toHaveLength(3);
});

test("an end at which the store throws does not hold up its neighbours", async () => {
  const { completer } = bench("poison", async (ends) => {
    if (ends.some((end) => end.result === "poison")) throw new TypeError("a bug");
    return recorded(ends);
  });
  void completer.finish(endOf({ result: "poison" }));
  const answers = await Promise.all(Array.from({ length: 20 }, () => completer.finish(endOf())));
  expect(answers.every((answer) => answer.kind === "recorded")).toBe(true);
  expect(completer.pending).toBe(1);
});
