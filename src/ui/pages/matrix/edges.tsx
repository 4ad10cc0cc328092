import { href } from "../../app/router";
import { ANYONE, countOf, type MatrixModel, problemsOf, totalOf } from "./model";
import type { Place } from "./place";

/** The names of the endpoints, rotated so that fifty fit. */
export function Head(props: {
  columns: readonly string[];
  model: MatrixModel;
  active: Place | null;
  idOf(place: Place): string;
}) {
  const at = props.active?.row === -1 ? props.active.column : null;
  return (
    <div class="mx-head" role="rowgroup">
      <div class="mx-line" role="row" aria-rowindex={1}>
        <div
          role="columnheader"
          aria-colindex={1}
          id={props.idOf({ row: -1, column: -1 })}
          class={`mx-corner ${at === -1 ? "mx-at" : ""}`}
        >
          Task
        </div>
        {props.columns.map((column, c) => (
          <div
            key={column}
            id={props.idOf({ row: -1, column: c })}
            role="columnheader"
            aria-colindex={c + 2}
            class={`mx-col ${at === c ? "mx-at" : ""}`}
            data-r={-1}
            data-c={c}
          >
            {column === ANYONE ? (
              <span>any one</span>
            ) : (
              <a tabIndex={-1} class="quiet" href={href(["endpoints", column])} title={column}>
                {column}
              </a>
            )}
          </div>
        ))}
        <div
          role="columnheader"
          aria-colindex={props.columns.length + 2}
          id={props.idOf({ row: -1, column: props.columns.length })}
          class={`mx-total ${at === props.columns.length ? "mx-at" : ""}`}
        >
          Answered
        </div>
      </div>
    </div>
  );
}

/** The number of loaded tasks that need attention at each endpoint; a tick for none. */
export function Foot(props: { columns: readonly string[]; model: MatrixModel; index: number }) {
  const { model } = props;
  model.counted.value;
  return (
    <div class="mx-foot" role="rowgroup">
      <div class="mx-line" role="row" aria-rowindex={props.index + 2}>
        <div role="rowheader" aria-colindex={1} class="mx-corner">
          Need attention
        </div>
        {props.columns.map((column, c) => {
          const counts = model.byColumn.get(column)!;
          const problems = problemsOf(counts);
          const label = `${column}: ${countOf(counts, "succeeded")} of ${totalOf(counts)} succeeded, ${problems} need attention`;
          return (
            <div
              key={column}
              role="gridcell"
              aria-colindex={c + 2}
              aria-label={label}
              title={label}
              class={`mx-sum num ${problems > 0 ? "warn-text strong" : "muted"}`}
            >
              {problems > 999 ? "1k+" : problems}
            </div>
          );
        })}
        <div role="gridcell" aria-colindex={props.columns.length + 2} class="mx-total num">
          {problemsOf(model.total)}
        </div>
      </div>
    </div>
  );
}
