import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { leftovers, readSpool, Spool } from "../../../src/manager/attempts/spool";
import { endOf, testFolder } from "../support";

const folder = testFolder();
const spools: Spool[] = [];
afterAll(async () => {
  for (const spool of spools) await spool.close(false);
  rmSync(folder, { recursive: true });
});

function spoolIn(name: string, slot: string, id: string): Spool {
  const spool = new Spool(join(folder, name), slot, id);
  spools.push(spool);
  return spool;
}

/** A process id that was in use and is no more. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  return child.pid!;
}

test("what was appended is read back as it was, whatever is in it", async () => {
  const spool = spoolIn("a", "0", "one");
  const ends = [endOf({ result: '"\u2028\ud800 \0 😀 \n"', error: "two\nlines" }), endOf()];
  await spool.append(ends);
  await spool.append([endOf({ ...ends[1], status: "failed" })]);
  const read = await readSpool(spool.file);
  expect(read.torn).toBe(0);
  expect(read.ends).toEqual([ends[0], { ...ends[1], status: "failed" }]);
});

test("it is for its owner alone", async () => {
  const umask = process.umask(0);
  try {
    const spool = spoolIn("private", "0", "one");
    await spool.append([endOf()]);
    expect([spool.file, join(folder, "private")].map((path) => statSync(path).mode & 0o777)).toEqual([0o600, 0o700]);
  } finally {
    process.umask(umask);
  }
});

test("a torn last line spoils nothing but itself, even if more is appended after it", async () => {
  const spool = spoolIn("b", "0", "one");
  const [first, second] = [endOf(), endOf()];
  await spool.append([first]);
  appendFileSync(spool.file, JSON.stringify(endOf()).slice(0, 40));
  expect(await readSpool(spool.file)).toEqual({ ends: [first], torn: 1 });
  await spool.append([second]);
  expect(await readSpool(spool.file)).toEqual({ ends: [first, second], torn: 1 });
});

test("a cleared spool is empty, a closed one is gone, one that still holds something stays", async () => {
  const spool = spoolIn("c", "0", "one");
  await spool.append([endOf()]);
  await spool.clear();
  expect(readFileSync(spool.file, "utf8")).toBe("");
  await spool.append([endOf()]);
  await spool.close(false);
  expect(existsSync(spool.file)).toBe(true);
  const other = spoolIn("c", "0", "two");
  await other.append([endOf()]);
  await other.close(true);
  expect(existsSync(other.file)).toBe(false);
  expect((await leftovers(join(folder, "c"), "0")).map((file) => basename(file))).toEqual([basename(spool.file)]);
});

test("a spool that never held anything makes no file and no folder", async () => {
  const spool = spoolIn("d", "0", "one");
  await spool.clear();
  await spool.close(true);
  expect(existsSync(join(folder, "d"))).toBe(false);
  expect(await leftovers(join(folder, "d"), "0")).toEqual([]);
});

test("only what no living manager writes is taken over", async () => {
  const there = join(folder, "e");
  const mine = spoolIn("e", "0", "mine");
  await mine.append([endOf()]);
  const dead = await deadPid();
  for (const name of [
    `0.${process.ppid}.same-slot.jsonl`,
    `1.${process.ppid}.other-living.jsonl`,
    `1.${dead}.other-dead.jsonl`,
    `1.${process.pid}.same-pid-as-before-a-restart.jsonl`,
    "notes.txt",
  ]) {
    writeFileSync(join(there, name), "");
  }
  expect((await leftovers(there, "0")).map((file) => basename(file)).sort()).toEqual(
    [
      `0.${process.ppid}.same-slot.jsonl`,
      `1.${dead}.other-dead.jsonl`,
      `1.${process.pid}.same-pid-as-before-a-restart.jsonl`,
    ].sort(),
  );
});

test("a slot's name may hold anything", async () => {
  const spool = spoolIn("f", "../../x.y", "one");
  await spool.append([endOf()]);
  await spool.close(false);
  expect(await leftovers(join(folder, "f"), "../../x.y")).toEqual([spool.file]);
});
