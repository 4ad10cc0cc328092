/**
 * Priorities are 0–9, higher first. The broker has a queue for each of three bands, because its own
 * priorities differ between queue types and versions. Within a band the manager orders exactly.
 */
export type Band = 0 | 1 | 2;

/** The bands, the most urgent first. */
export const BANDS: readonly Band[] = [2, 1, 0];

/** 0 → 0, 1–4 → 1, 5–9 → 2; values outside count as the nearest. */
export function bandOf(priority: number): Band {
  if (priority >= 5) return 2;
  return priority >= 1 ? 1 : 0;
}
