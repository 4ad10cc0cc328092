import { CELL_STATES, type CellState, Mark, MEANING } from "../../parts/status";
import { countOf, type MatrixModel } from "./model";

/** The meaning and count of each sign. A press shows only rows that have it. */
export function Legend(props: { model: MatrixModel; only: CellState | null; onOnly(state: CellState | null): void }) {
  props.model.counted.value;
  return (
    <div class="chips legend" role="group" aria-label="Legend: press a state to see only rows that have it">
      {CELL_STATES.map((state) => (
        <button
          key={state}
          type="button"
          class="chip"
          title={MEANING[state]}
          aria-pressed={props.only === state}
          onClick={() => props.onOnly(props.only === state ? null : state)}
        >
          <Mark state={state} />
          {state === "timeout" ? "timed out" : state}
          <span class="num muted">{countOf(props.model.total, state)}</span>
        </button>
      ))}
    </div>
  );
}
