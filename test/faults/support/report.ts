import { appendFileSync } from "node:fs";
import type { Verdict } from "./checker";

/** A time or a share that a scenario promises to keep: shown in the table of `npm run test:faults`, asserted nowhere else. */
export interface Bound {
  what: string;
  /** Seconds, unless `unit` says otherwise. */
  value: number;
  /** The most that it may be; `least`: the least. */
  most?: number;
  least?: number;
  unit?: "s" | "%";
}

/** Whether it was kept, and in words: `API answers 0.8 s (≤ 5 s)`. */
export function judged({ what, value, most, least, unit = "s" }: Bound): { kept: boolean; text: string } {
  const kept = (most === undefined || value <= most) && (least === undefined || value >= least);
  const limit = most === undefined ? `≥ ${least}` : `≤ ${most}`;
  const digits = unit === "s" ? 1 : 0;
  return { kept, text: `${what} ${value.toFixed(digits)} ${unit} (${limit} ${unit}${kept ? "" : ", NOT KEPT"})` };
}

/**
 * The line that each scenario prints; on standard error, where the report of the tests goes. Where TASKER_FAULTS_TABLE names a
 * file it is noted there as well, as a line of JSON, for the table at the end.
 */
export function report(name: string, faults: number, verdict: Verdict, bounds: Bound[] = []): void {
  const { accepted, lost, stuck, executedTwice, repeated, terminalTwice, died, recoveryMs, byStatus } = verdict;
  const statuses = Object.entries(byStatus).map(([status, count]) => `${count} ${status}`);
  const bad = [
    ...(stuck > 0 ? [`stuck ${stuck}`] : []),
    ...(verdict.unrecorded > 0 ? [`unrecorded ${verdict.unrecorded}`] : []),
    ...(verdict.misreported > 0 ? [`misreported ${verdict.misreported}`] : []),
    ...(died > 0 ? [`processes died ${died}`] : []),
  ];
  const judgements = bounds.map(judged);
  const recovered = (recoveryMs / 1000).toFixed(1);
  process.stderr.write(
    `${name}: faults ${faults}, accepted ${accepted}, lost ${lost}, executed twice ${executedTwice} (touched by a fault: ${repeated}), terminal twice ${terminalTwice}, recovered in ${recovered} s (${[...statuses, ...bad].join(", ")})${judgements.map(({ text }) => `; ${text}`).join("")}\n`,
  );
  const table = process.env.TASKER_FAULTS_TABLE;
  if (table) appendFileSync(table, `${JSON.stringify({ name, faults, ...verdict, judgements })}\n`);
}
