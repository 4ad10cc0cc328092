import type { ResponseStatus, TaskStatus } from "../../client/types";

/** What a badge shows: the contract's statuses, and also timed out and missing. */
export type CellState = ResponseStatus | "timeout" | "missing";

export const CELL_STATES: readonly CellState[] = [
  "succeeded",
  "running",
  "received",
  "retrying",
  "failed",
  "timeout",
  "missing",
  "missed",
  "expected",
  "cancelled",
];
export const PROBLEM_STATES: readonly CellState[] = ["failed", "timeout", "missing", "missed", "retrying"];

export const GLYPH: Record<string, string> = {
  succeeded: "✓",
  running: "▸",
  received: "↓",
  retrying: "↻",
  failed: "✕",
  timeout: "!",
  missing: "?",
  missed: "∅",
  expected: "·",
  cancelled: "–",
  scheduled: "◷",
  pending: "·",
  incomplete: "?",
};

export const MEANING: Record<CellState, string> = {
  succeeded: "succeeded",
  running: "running",
  received: "received, waiting there",
  retrying: "waiting for the next attempt",
  failed: "failed",
  timeout: "timed out",
  missing: "missing: not received in time",
  missed: "missed: expired before it was received",
  expected: "expected, not received yet",
  cancelled: "cancelled",
};

export function cellState(status: ResponseStatus, reason: string | null, taskStatus: TaskStatus): CellState {
  if (status === "failed" && reason === "timeout") return "timeout";
  if (status === "expected" && taskStatus === "incomplete") return "missing";
  return status;
}

/** The sign alone; its meaning must be beside it or in a label. */
export function Mark(props: { state: string }) {
  return (
    <span class={`mark m-${props.state}`} aria-hidden="true">
      {GLYPH[props.state] ?? "·"}
    </span>
  );
}

export function Badge(props: { state: string; more?: string }) {
  return (
    <span class="badge">
      <Mark state={props.state} />
      <span>
        {props.state === "timeout" ? "timed out" : props.state}
        {props.more ? <span class="muted"> {props.more}</span> : null}
      </span>
    </span>
  );
}
