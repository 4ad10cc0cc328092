import { PROBLEMS, type ProblemCode } from "../../errors";
import { EXPLAINED } from "./problems";

/** The text of docs/reference/problems.md with its table made anew; the rest stays as it is. */
export function withProblems(page: string): string {
  const rows = (Object.keys(PROBLEMS) as ProblemCode[]).map((code) => {
    const { when, remedy } = EXPLAINED[code];
    return `| \`${code}\` | ${PROBLEMS[code]} | ${when} | ${remedy} |`;
  });
  const table = ["| code | status | when | what to do |", "|---|---|---|---|", ...rows].join("\n");
  return page.replace(/^\| code \|[\s\S]*?\n(?!\|)/m, () => `${table}\n`);
}
