import { batch, computed, effect, signal } from "@preact/signals";
import { ApiError, loginNeeded, messageOf } from "./http";
import { loadSession, session } from "./session";
import { readStream } from "./stream";
import type { Change } from "./types";

/**
 * The one event stream of this tab, shared by all that is shown.
 *
 *   live ──cut──▶ reconnecting ──45 s without a byte from the server──▶ stale
 *     ▲              │ open                                              │ open
 *     └──────────────┴──────────────────────────────────────────────────┘
 *   any ──somebody pauses, or the tab is hidden──▶ paused: no stream, no timer, no refetching at all
 *
 * Changes are handed out at most four times a second. After a gap that cannot be replayed everybody reloads once.
 */
export type LiveState = "live" | "paused" | "reconnecting" | "stale";

const FLUSH_MS = 250;
const STALE_MS = 45_000;
const RETRY_MOST_MS = 10_000;
/** No page asks the server for the same thing again sooner than this. */
export const REFETCH_MS = 2_000;

const pausedByUser = signal(sessionStorage.getItem("tasker.paused") === "yes");
const hidden = signal(document.hidden);
const connected = signal(false);
const stale = signal(false);
/** When the server was last heard of; ms of our clock. */
export const heardAt = signal(Date.now());
export const liveProblem = signal("");

export const paused = computed(() => pausedByUser.value || hidden.value);
export const liveState = computed<LiveState>(() =>
  paused.value ? "paused" : connected.value ? "live" : stale.value ? "stale" : "reconnecting",
);

export function togglePause(): void {
  pausedByUser.value = !pausedByUser.value;
  sessionStorage.setItem("tasker.paused", pausedByUser.value ? "yes" : "no");
}

export interface Follower {
  /** Changes in the order in which they happened. */
  onChanges?(changes: readonly Change[]): void;
  /** Something may have been missed, or what was paused goes on: load again. */
  onResume?(): void;
}

const followers = new Set<Follower>();
let cursor: string | null = null;
let queue: Change[] = [];
let _flushTimer: ReturnType<typeof setTimeout> | null = null;

export function follow(follower: Follower): () => void {
  followers.add(follower);
  return () => {
    followers.delete(follower);
  };
}

function flush(): void {
  _flushTimer = null;
  if (paused.peek() || queue.length === 0) return;
  const changes = queue;
  queue = [];
  batch(() => {
    for (const follower of [...followers]) follower.onChanges?.(changes);
  });
}

function resumeAll(): void {
  for (const follower of [...followers]) follower.onResume?.();
  // The server may be another version by now, and the one who asks may have other rights.
  loadSession().catch(() => {});
}

function take(name: string, data: string, id: string | null): void {
  if (id !== null) cursor = id;
  if (name === "reset") {
    resumeAll();
    return;
  }
  let change: Change;
  try {
    change = JSON.parse(data) as Change;
  } catch {
    return;
  }
  if (typeof change.task_id !== "string") return;
  queue.push(change);
  _flushTimer ??= setTimeout(flush, FLUSH_MS);
}

async function run(signal: AbortSignal): Promise<void> {
  // What was queued when the pause began is part of the reload that ends it.
  queue = [];
  let gap = cursor !== null;
  for (let wait = 500; !signal.aborted; wait = Math.min(RETRY_MOST_MS, wait * 2)) {
    try {
      await readStream("events", { after: cursor }, signal, {
        open() {
          wait = 500;
          heard();
          connected.value = true;
          liveProblem.value = "";
          if (gap) resumeAll();
          gap = true;
        },
        bytes: heard,
        event: (event) => take(event.name, event.data, event.id),
      });
    } catch (error) {
      if (signal.aborted) return;
      liveProblem.value = messageOf(error);
      if (error instanceof ApiError && (error.status === 401 || error.status === 403)) return;
      // A cursor that the server no longer knows: begin at its present end, and load everything again.
      if (error instanceof ApiError && error.status >= 400 && error.status < 500) cursor = null;
    } finally {
      connected.value = false;
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

function heard(): void {
  heardAt.value = Date.now();
  stale.value = false;
}

/** Call once. The stream begins when somebody is logged in, or none need be. */
export function startLive(): void {
  document.addEventListener("visibilitychange", () => {
    hidden.value = document.hidden;
  });
  setInterval(() => {
    if (!paused.peek() && Date.now() - heardAt.peek() > STALE_MS) stale.value = true;
  }, 1000);
  let first = true;
  const known = computed(() => session.value !== null);
  effect(() => {
    if (paused.value || loginNeeded.value || !known.value) return;
    const controller = new AbortController();
    if (!first) {
      heardAt.value = Date.now();
      resumeAll();
    }
    first = false;
    void run(controller.signal);
    return () => controller.abort();
  });
}
