import { useMemo } from "preact/hooks";
import type { Json, TaskResponse } from "../../../client/types";
import { Empty } from "../../parts/empty";
import { JsonTree } from "../../parts/json";
import { Block, Text } from "../../parts/text";
import { compare, groups } from "./majority";

/** The results, equal ones grouped; names where the other groups differ. */
export function Results(props: { responses: TaskResponse[] }) {
  const found = useMemo(() => groups(props.responses), [props.responses]);
  if (found.length === 0) return <Empty title="No endpoint has answered with a result yet." />;
  const majority =
    found[0]!.members.length > 1 && (found[1]?.members.length ?? 0) < found[0]!.members.length ? found[0]! : null;
  const results = found.reduce((sum, group) => sum + group.members.length, 0);
  return (
    <div class="stack">
      <p class="muted">
        {results === 1
          ? "One result so far."
          : found.length === 1
            ? `All ${results} results are the same.`
            : majority
              ? `${majority.members.length} of ${results} results are the same, ${results - majority.members.length} ${results - majority.members.length === 1 ? "differs" : "differ"}.`
              : `${results} results of ${found.length} kinds; none is the majority.`}
        {results > 1 && " An endpoint's own name in its result makes no difference."}
      </p>
      <h2 class="sr-only">Answers</h2>
      <div class="results">
        {found.slice(0, 60).map((group) => {
          const first = group.members[0]!;
          const differences = majority && group !== majority ? compare(majority.value, group.value) : [];
          return (
            <section
              key={group.key}
              class={`result ${majority && group !== majority ? "differs" : ""}`}
              aria-label={`Answer of ${first.endpoint}`}
            >
              <h3>
                {group.members
                  .slice(0, 6)
                  .map((member) => `${member.endpoint ?? "any one"}${member.job ? ` ${member.job}` : ""}`)
                  .join(", ")}
                {group.members.length > 6 && ` and ${group.members.length - 6} more`}
              </h3>
              {group === majority && <p class="muted small">the majority</p>}
              {majority && group !== majority && (
                <p class="warn-text small">
                  differs from the majority
                  {differences.length > 0 && (
                    <>
                      {" at "}
                      <Text value={differences.slice(0, 5).join(", ")} />
                      {differences.length > 5 && ` and ${differences.length - 5} more`}
                    </>
                  )}
                </p>
              )}
              {first.result_text !== null && first.result_text !== undefined ? (
                <Block value={first.result_text} label={`Answer of ${first.endpoint}`} />
              ) : (
                <JsonTree value={first.result as Json} />
              )}
            </section>
          );
        })}
      </div>
      {found.length > 60 && (
        <p class="muted">{found.length - 60} more kinds of results are not shown; each endpoint's page has its own.</p>
      )}
    </div>
  );
}
