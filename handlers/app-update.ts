import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import {
  chmod,
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { type Json, type Payload, PermanentFailure, type TaskContext } from "tasker";

/**
 * Installs a release of an application on this endpoint:
 *
 *   <root>/<endpoint>/<target>/releases/2.1/   the unpacked archive
 *   <root>/<endpoint>/<target>/current         a symlink to the release in use, switched in one step
 *
 * payload: {"version": "2.1", "target": "shop", "archive": "shop-2.1.tar.gz"}   a .tar.gz in the folder of archives, or
 *          {"version": "2.1", "target": "shop", "archive_base64": "H4sI…"}     the same in the payload itself;
 *          "sha256" (hex, optional) is held against the archive.
 * root: the environment variable APP_UPDATE_ROOT, or data/app-update in the folder that the manager was started in.
 * folder of archives: APP_UPDATE_ARCHIVES, or data/app-archives. No payload reads a file from anywhere else.
 *
 * It may run as root: only files and folders are unpacked, a bounded number and size of them, and they belong to whoever runs
 * the manager with modes 0644, 0755 for programs and folders, whatever the archive says.
 *
 * It may run twice (attempts, a crash): a version that is there already is not unpacked again, only `current` is made sure of. All
 * work happens in a folder beside the releases that takes its name as the last step, so that a failure leaves nothing half-done.
 */
const MAX_ARCHIVE_BYTES = 128 * 1024 * 1024;
const MAX_UNPACKED_BYTES = 256 * 1024 * 1024;
const MAX_ENTRIES = 20_000;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,62}$/;
const STAMP = ".release.json";

export async function handleTask(payload: Payload, context: TaskContext): Promise<Json> {
  const version = nameIn(payload, "version");
  const home = path.join(root(), context.endpoint, nameIn(payload, "target"));
  const release = path.join(home, "releases", version);
  // The same for every attempt: what a killed one left behind is found and removed.
  const own = createHash("sha256").update(context.idempotencyKey).digest("hex").slice(0, 16);
  const work = path.join(home, "releases", `.unpacking-${own}`);

  const archive = await readArchive(payload);
  const sha256 = createHash("sha256").update(archive).digest("hex");
  if (payload.sha256 !== undefined && payload.sha256 !== sha256) {
    throw new PermanentFailure(`the archive's SHA-256 is ${sha256}, not ${payload.sha256}`, "bad_archive");
  }

  const installed = await stampOf(release);
  if (installed !== null && installed !== sha256) {
    throw new PermanentFailure(`release ${version} is there already, from another archive`, "version_conflict");
  }
  if (installed === null) {
    context.progress(0.1, "checking the archive");
    try {
      await unpack(archive, work, context);
      await writeFile(path.join(work, STAMP), JSON.stringify({ version, sha256 }));
      context.signal.throwIfAborted();
      await rename(work, release);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }
  context.progress(0.9, "switching to the release");
  const previous = await switchTo(home, version, own);
  context.log(`${home}/current is release ${version} (before: ${previous ?? "none"})`);
  context.progress(1);
  return { endpoint: context.endpoint, version, previous, unpacked: installed === null, path: release };
}

function root(): string {
  return path.resolve(process.env.APP_UPDATE_ROOT ?? path.join("data", "app-update"));
}

/** Names become folders, so that nothing but a plain name may pass. */
function nameIn(payload: Payload, field: string): string {
  const value = payload[field];
  if (typeof value === "string" && NAME.test(value)) return value;
  throw new PermanentFailure(`"${field}" must be a plain name such as "2.1"`, "invalid_payload");
}

async function readArchive(payload: Payload): Promise<Buffer> {
  const { archive, archive_base64 } = payload;
  if (typeof archive_base64 === "string" && archive === undefined) return Buffer.from(archive_base64, "base64");
  if (typeof archive === "string" && archive_base64 === undefined) return readFrom(archives(), archive);
  throw new PermanentFailure('give "archive" (a path) or "archive_base64", one of them', "invalid_payload");
}

function archives(): string {
  return path.resolve(process.env.APP_UPDATE_ARCHIVES ?? path.join("data", "app-archives"));
}

/** A plain file of at most MAX_ARCHIVE_BYTES inside `folder`, wherever links may lead. */
async function readFrom(folder: string, name: string): Promise<Buffer> {
  const given = path.resolve(folder, name);
  const outside = () =>
    new PermanentFailure(`"archive" must lie in ${folder} (APP_UPDATE_ARCHIVES): ${name} does not`, "invalid_payload");
  if (name.includes("\0") || !within(folder, given)) throw outside();
  const real = await realpath(given);
  if (!within(await realpath(folder), real)) throw outside();
  const file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { size } = await plainStat(file, name);
    const bytes = Buffer.alloc(size);
    const { bytesRead } = await file.read(bytes, 0, size, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function plainStat(file: FileHandle, name: string): Promise<{ size: number }> {
  const stat = await file.stat();
  if (!stat.isFile()) throw new PermanentFailure(`${name} is not a file`, "bad_archive");
  if (stat.size <= MAX_ARCHIVE_BYTES) return stat;
  throw new PermanentFailure(`${name} has ${stat.size} bytes; at most ${MAX_ARCHIVE_BYTES} are read`, "bad_archive");
}

function within(folder: string, file: string): boolean {
  const way = path.relative(folder, file);
  return way !== "" && way.split(path.sep)[0] !== ".." && !path.isAbsolute(way);
}

async function stampOf(release: string): Promise<string | null> {
  try {
    return JSON.parse(await readFile(path.join(release, STAMP), "utf8")).sha256;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** Unpacks into the new folder `work`; files and folders only, and none outside it. */
async function unpack(archive: Buffer, work: string, context: TaskContext): Promise<void> {
  // Unpacked here and not by tar, so that a small archive cannot become a full disk.
  const plain = await promisify(gunzip)(archive, { maxOutputLength: MAX_UNPACKED_BYTES }).catch((error: Error) => {
    throw new PermanentFailure(`the archive is not a usable .tar.gz: ${error.message}`, "bad_archive");
  });
  const names = lines(await tar(["-tf", "-"], plain, context));
  checkEntries(names, lines(await tar(["-tvf", "-", "--numeric-owner"], plain, context)));

  await rm(work, { recursive: true, force: true });
  await mkdir(path.dirname(work), { recursive: true });
  // Closed to everybody else until the modes are right.
  await mkdir(work, { mode: 0o700 });
  context.progress(0.3, `unpacking ${names.length} entries`);
  await tar(["-xf", "-", "-C", work, "--no-same-owner", "--no-same-permissions"], plain, context);
  await makePlain(work);
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

/** By what tar says of the archive before anything is written: `-rw-r--r-- 0/0  12 2026-01-01 00:00 name`. */
function checkEntries(names: readonly string[], listing: readonly string[]): void {
  const bad = (what: string) => new PermanentFailure(`the archive ${what}`, "bad_archive");
  if (names.length === 0) throw bad("is empty");
  if (names.length > MAX_ENTRIES) throw bad(`has ${names.length} entries; at most ${MAX_ENTRIES} are unpacked`);
  const outside = names.find((name) => name.startsWith("/") || name.split("/").includes(".."));
  if (outside !== undefined) throw bad(`leads out of its folder: ${outside}`);
  if (listing.some((line) => !/^[-d]/.test(line))) throw bad("holds something else than files and folders");
  // A sparse file takes little room in the archive and says its full size here.
  const bytes = listing.reduce((sum, line) => sum + Number(/^\S+\s+\S+\s+(\d+)\s/.exec(line)?.[1] ?? Number.NaN), 0);
  if (!(bytes <= MAX_UNPACKED_BYTES)) throw bad(`holds ${bytes} bytes; at most ${MAX_UNPACKED_BYTES} are unpacked`);
}

/** Runs the system's tar with `input` on stdin and returns what it prints; a complaint of tar is a bad archive. */
async function tar(args: string[], input: Buffer, context: TaskContext): Promise<string> {
  const env = { PATH: process.env.PATH, LC_ALL: "C" };
  const child = spawn("tar", args, { stdio: ["pipe", "pipe", "pipe"], signal: context.signal, env });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  // tar stops reading at the first thing it dislikes; its exit code says so.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0) throw new PermanentFailure(`tar refused the archive: ${stderr.trim().slice(0, 500)}`, "bad_archive");
  return stdout;
}

/**
 * What tar has really made, once more: its listing is a text, this is the disk. No mode of the archive stays: nothing is setuid,
 * nothing may be written by others. The folder itself comes last, for until then nobody else can look into it.
 */
async function makePlain(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() && !entry.isDirectory()) {
      throw new PermanentFailure(`the archive holds ${entry.name}, which is neither file nor folder`, "bad_archive");
    }
    const file = path.join(entry.parentPath, entry.name);
    const { mode, nlink } = await lstat(file);
    if (entry.isFile() && nlink > 1) throw new PermanentFailure("the archive holds a hard link", "bad_archive");
    await chmod(file, entry.isDirectory() || (mode & 0o111) !== 0 ? 0o755 : 0o644);
  }
  await chmod(folder, 0o755);
}

/** Points `current` at the release; returns the version that it pointed at before. A rename replaces a symlink in one step. */
async function switchTo(home: string, version: string, own: string): Promise<string | null> {
  const current = path.join(home, "current");
  const previous = (await lstat(current).catch(() => null)) ? path.basename(await readlink(current)) : null;
  if (previous === version) return previous;
  const next = path.join(home, `.current-${own}`);
  await rm(next, { force: true });
  await symlink(path.join("releases", version), next);
  await rename(next, current);
  return previous;
}
