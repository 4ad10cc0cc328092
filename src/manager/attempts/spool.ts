import { type FileHandle, mkdir, open, readdir, readFile, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { AttemptEnd } from "../../store/store";

/**
 * Ends of attempts that the store could not take yet, one JSON line each, fsynced: they survive
 * this process.
 *
 * A file belongs to one manager process: `<spoolDir>/<endpoint>/<slot>.<pid>.<id>.jsonl`. While
 * that process lives, what is to be written stands in its memory as well, and the file is only
 * emptied. After its death the next manager of the endpoint on this machine reads the file, hands
 * its ends to the store under their old leases, and removes it.
 *
 * A process may die, or the disk fill up, in the middle of a line. Every write begins with a
 * newline of its own, so that a torn line spoils nothing but itself; a line that does not parse was
 * never promised to anybody.
 */
export class Spool {
  readonly file: string;
  private handle: FileHandle | null = null;
  private readonly name: string;

  constructor(
    private readonly folder: string,
    slot: string,
    id: string,
  ) {
    this.name = `${encodeURIComponent(slot)}.${process.pid}.${id}${SUFFIX}`;
    this.file = join(folder, this.name);
    alive.add(this.name);
  }

  /**
   * Resolves when the ends are on the disk. Rejects with the system's error (ENOSPC, EACCES, …);
   * may then be repeated.
   */
  async append(ends: readonly AttemptEnd[]): Promise<void> {
    this.handle ??= await this.create();
    await this.handle.appendFile(`\n${ends.map((end) => JSON.stringify(end)).join("\n")}\n`);
    await this.handle.datasync();
  }

  /** All of it is in the store. */
  async clear(): Promise<void> {
    await this.handle?.truncate(0);
  }

  /** Gives the file up: removed when `empty`, else left for the next manager. */
  async close(empty: boolean): Promise<void> {
    alive.delete(this.name);
    await this.handle?.close();
    if (this.handle && empty) await unlink(this.file);
    this.handle = null;
  }

  private async create(): Promise<FileHandle> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const handle = await open(this.file, "a", 0o600);
    // The new name must be on the disk as well as what is written under it.
    const folder = await open(this.folder, "r");
    await folder.sync().finally(() => folder.close());
    return handle;
  }
}

const SUFFIX = ".jsonl";

/**
 * Names of the files that managers of this very process write. One set for the process: a name
 * tells its writer by the process id alone. Two managers that know nothing of each other (two
 * Taskers in one program) must not take over each other's files.
 */
const alive = new Set<string>();

/**
 * Files of managers of this endpoint and machine that are no more. A folder that does not exist has
 * none.
 */
export async function leftovers(folder: string, slot: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return names
    .filter((name) => name.endsWith(SUFFIX) && !alive.has(name) && isLeftOver(name, encodeURIComponent(slot)))
    .sort()
    .map((name) => join(folder, name));
}

function isLeftOver(name: string, slot: string): boolean {
  const parts = name.slice(0, -SUFFIX.length).split(".");
  const pid = Number(parts.at(-2));
  // The same slot: its manager is being retired by our registration. Our own pid, but not ours: the
  // pid of an earlier process came round again, as it always does in a container.
  return parts.slice(0, -2).join(".") === slot || pid === process.pid || !isRunning(pid);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** The ends in a spool file, each once, and how many torn lines there were. */
export async function readSpool(file: string): Promise<{ ends: AttemptEnd[]; torn: number }> {
  const ends = new Map<string, AttemptEnd>();
  let torn = 0;
  for (const line of (await readFile(file, "utf8")).split("\n")) {
    if (line === "") continue;
    try {
      const end = JSON.parse(line) as AttemptEnd;
      ends.set(`${end.taskId} ${end.endpoint} ${end.job} ${end.leaseId}`, end);
    } catch {
      torn++;
    }
  }
  return { ends: [...ends.values()], torn };
}
