import { batch, computed, effect, signal } from "@preact/signals";
import { TaskerProblem } from "../../client/errors";
import { backoffMs, pauseFor } from "../../client/pause";
import { EventParser, type ServerSentEvent } from "../../client/sse";
import { openStream, SILENCE_MS } from "../../client/stream";
import type { ResponseChange } from "../../client/types";
import { http, isProblem, loginNeeded, messageOf } from "./http";
import { loadSession, session } from "./session";

/**
 * The event stream of this tab, shared by all views.
 *
 *   live ──cut──▶ reconnecting ──45 s without a byte from the server──▶ stale
 *     ▲              │ open                                              │ open
 *     └──────────────┴──────────────────────────────────────────────────┘
 *   any ──the user pauses, or the tab is hidden──▶ paused: no stream, no timer, no refetching
 *
 * Changes are passed on at most four times a second. After a gap that cannot be replayed every view
 * reloads once.
 */
export type LiveState = "live" | "paused" | "reconnecting" | "stale";

const FLUSH_MS = 250;
const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 10_000;
/** No page repeats the same request sooner than this. */
export const REFETCH_MS = 2_000;

const pausedByUser = signal(sessionStorage.getItem("tasker.paused") === "yes");
const hidden = signal(document.hidden);
const connected = signal(false);
const stale = signal(false);
/** When the last byte came from the server, in milliseconds of our clock. */
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
  onChanges?(changes: readonly ResponseChange[]): void;
  /** Changes may have been missed, or a pause has ended: load again. */
  onResume?(): void;
}

const followers = new Set<Follower>();
let cursor: string | null = null;
let queue: ResponseChange[] = [];
let flushing = false;

export function follow(follower: Follower): () => void {
  followers.add(follower);
  return () => {
    followers.delete(follower);
  };
}

function flush(): void {
  flushing = false;
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

function take({ id, event, data }: ServerSentEvent): void {
  if (id !== null) cursor = id;
  if (event === "reset") {
    resumeAll();
    return;
  }
  let change: ResponseChange;
  try {
    change = JSON.parse(data) as ResponseChange;
  } catch {
    return;
  }
  if (typeof change.task_id !== "string") return;
  queue.push(change);
  if (flushing) return;
  flushing = true;
  setTimeout(flush, FLUSH_MS);
}

async function run(signal: AbortSignal): Promise<void> {
  // What was queued when the pause began is part of the reload that ends it.
  queue = [];
  let gap = cursor !== null;
  let failures = 0;
  const opened = () => {
    failures = 0;
    heard();
    connected.value = true;
    liveProblem.value = "";
    if (gap) resumeAll();
    gap = true;
  };
  while (!signal.aborted) {
    try {
      const stream = { after: cursor, signal, onBytes: heard };
      const events = await openStream(http, { path: ["events"] }, new EventParser(), stream);
      opened();
      for await (const event of events ?? []) take(event);
    } catch (error) {
      if (signal.aborted) return;
      liveProblem.value = messageOf(error);
      if (isProblem(error, 401, 403)) return;
      // A cursor that the server no longer knows: begin at its present end, and load everything
      // again.
      if (error instanceof TaskerProblem && error.status >= 400 && error.status < 500) cursor = null;
    } finally {
      connected.value = false;
    }
    await pauseFor(backoffMs(++failures, RETRY_FIRST_MS, RETRY_MAX_MS), signal).catch(() => {});
  }
}

function heard(): void {
  heardAt.value = Date.now();
  stale.value = false;
}

/** To be called once. The stream begins after the login, if one is needed. */
export function startLive(): void {
  document.addEventListener("visibilitychange", () => {
    hidden.value = document.hidden;
  });
  setInterval(() => {
    if (!paused.peek() && Date.now() - heardAt.peek() > SILENCE_MS) stale.value = true;
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
