/**
 * Priorities are 0–9, higher first. The broker knows three bands of them, each with a queue of its own, because brokers'
 * own priorities differ from one queue kind and version to the next; within a band the manager's waiting list is exact.
 */
export type Band = 0 | 1 | 2;

/** All bands, the most urgent first. */
export const BANDS: readonly Band[] = [2, 1, 0];

/** 0 → 0, 1–4 → 1, 5–9 → 2; what lies outside counts as the nearest. */
export function bandOf(priority: number): Band {
  if (priority >= 5) return 2;
  return priority >= 1 ? 1 : 0;
}
