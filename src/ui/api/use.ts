import { useEffect, useRef, useState } from "preact/hooks";
import type { ResponseChange } from "../../client/types";
import { messageOf } from "./http";
import { follow, paused, REFETCH_MS } from "./live";
import type { TaskList } from "./task-list";

export interface Loaded<T> {
  data: T | null;
  error: string;
  reload(): void;
}

/**
 * Loads when `key` changes, and again, at most every 2 s, on a change that `matches`. `everyMs` is
 * for changes without an event (heartbeats, deadlines). Does not load while paused.
 */
export function useLoad<T>(
  key: string,
  load: (signal: AbortSignal) => Promise<T>,
  live: { matches?: (change: ResponseChange) => boolean; everyMs?: number } = {},
): Loaded<T> {
  const [state, setState] = useState<{ key: string; data: T | null; error: string }>({ key, data: null, error: "" });
  const current = useRef({ load, live });
  current.current = { load, live };
  const again = useRef<() => void>(() => {});

  useEffect(() => {
    const gone = new AbortController();
    let timer: ReturnType<typeof setTimeout> | null = null;
    let last = 0;
    let running = false;
    const run = async () => {
      timer = null;
      if (running) return soon();
      running = true;
      last = Date.now();
      try {
        const data = await current.current.load(gone.signal);
        if (!gone.signal.aborted) setState({ key, data, error: "" });
      } catch (error) {
        if (!gone.signal.aborted) {
          setState((old) => ({ key, data: old.key === key ? old.data : null, error: messageOf(error) }));
        }
      } finally {
        running = false;
      }
    };
    const soon = () => {
      if (gone.signal.aborted) return;
      timer ??= setTimeout(
        () => {
          timer = null;
          if (!paused.peek()) void run();
        },
        Math.max(50, last + REFETCH_MS - Date.now()),
      );
    };
    again.current = () => void run();
    void run();
    const unfollow = follow({
      onChanges(changes) {
        const { matches } = current.current.live;
        if (matches && changes.some(matches)) soon();
      },
      onResume: soon,
    });
    const every = current.current.live.everyMs;
    const interval = every ? setInterval(soon, every) : null;
    return () => {
      gone.abort();
      unfollow();
      if (timer) clearTimeout(timer);
      if (interval) clearInterval(interval);
    };
  }, [key]);

  const mine = state.key === key;
  return { data: mine ? state.data : null, error: mine ? state.error : "", reload: () => again.current() };
}

/** Interval for changes without an event: a deadline that passes makes a task incomplete. */
const DEADLINES_MS = 5_000;

/** Loads a list of tasks and keeps it current while it is shown. */
export function useTaskList(list: TaskList, onChanges?: (changes: readonly ResponseChange[]) => void): void {
  useEffect(() => {
    void list.start();
    const leave = follow({
      onChanges(changes) {
        onChanges?.(changes);
        list.onChanges(changes);
      },
      onResume: () => list.refresh(),
    });
    const timer = setInterval(() => list.items.peek().some((task) => !task.settled) && list.refresh(), DEADLINES_MS);
    return () => {
      leave();
      clearInterval(timer);
      list.stop();
    };
  }, [list]);
}
