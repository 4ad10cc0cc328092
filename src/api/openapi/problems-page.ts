import { PROBLEMS, type ProblemCode } from "../../errors";
import { PROBLEM_TEXTS } from "../problem-texts";

/** The text of docs/reference/problems.md with its table regenerated; the rest is unchanged. */
export function withProblems(page: string): string {
  const rows = (Object.keys(PROBLEMS) as ProblemCode[]).map((code) => {
    const { when, remedy } = PROBLEM_TEXTS[code];
    return `| \`${code}\` | ${PROBLEMS[code]} | ${when} | ${remedy} |`;
  });
  const table = ["| code | status | when | what to do |", "|---|---|---|---|", ...rows].join("\n");
  return page.replace(/^\| code \|[\s\S]*?\n(?!\|)/m, () => `${table}\n`);
}
