import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { href } from "../../app/router";
import { type CellState, GLYPH } from "../../parts/status";
import { Text } from "../../parts/text";
import { answeredOf, type Cell, labelOf, problemsOf, type Row } from "./model";
import { type Place, ROW_HEIGHT } from "./place";

interface Props {
  row: Row;
  index: number;
  columns: readonly string[];
  left: number;
  right: number;
  only: CellState | null;
  /** The column the keyboard is at, null: not in this row. */
  active: number | null;
  idOf(place: Place): string;
}

/** Everything that a cell's appearance depends on. */
interface Look {
  cell: Cell | undefined;
  c: number;
  index: number;
  dim: boolean;
  at: boolean;
}

export function MatrixRow(props: Props) {
  const { row, index, columns, left, right, active } = props;
  // A cell that is as it was is not drawn again: of fifty in a row mostly one changes.
  const kept = useRef(new Map<string, Look & { drawn: VNode }>()).current;
  // Reading it makes this row, and no other, follow the row's changes.
  row.changed.value;
  const { task } = row;
  const problems = problemsOf(row.counts);
  const answered = answeredOf(row.counts);
  return (
    <div class="mx-row" role="row" aria-rowindex={index + 2} style={{ top: `${index * ROW_HEIGHT}px` }}>
      <div
        id={props.idOf({ row: index, column: -1 })}
        role="rowheader"
        aria-colindex={1}
        class={`mx-name ${active === -1 ? "mx-at" : ""}`}
        data-r={index}
        data-c={-1}
      >
        <a
          tabIndex={-1}
          class="quiet"
          href={href(["tasks", task.type, task.id])}
          title={`${task.identifier.slice(0, 190)}\n${task.type}`}
        >
          <span class="ellipsis">
            <Text value={task.identifier} most={60} />
          </span>
        </a>
        <span class="muted small ellipsis mx-type">{task.type}</span>
      </div>
      <div class="mx-cells" role="presentation">
        {columns.slice(left, right).map((column, i) => {
          const c = left + i;
          const cell = row.cells.get(column);
          const dim = props.only !== null && cell !== undefined && cell.state !== props.only;
          const look = { cell, c, index, dim, at: active === c };
          const old = kept.get(column);
          if (old && looksLike(old, look)) return old.drawn;
          const drawn = drawCell(look, column, props.idOf({ row: index, column: c }), labelOf(row, column));
          kept.set(column, { ...look, drawn });
          return drawn;
        })}
      </div>
      <div
        id={props.idOf({ row: index, column: columns.length })}
        role="gridcell"
        aria-colindex={columns.length + 2}
        aria-label={`${answered} of ${row.cells.size} answered, ${problems} need attention`}
        class={`mx-total num ${active === columns.length ? "mx-at" : ""}`}
        data-r={index}
        data-c={columns.length}
      >
        <span class={problems > 0 ? "warn-text strong" : ""}>
          {answered}/{row.cells.size}
        </span>
      </div>
    </div>
  );
}

function drawCell({ cell, c, index, dim, at }: Look, column: string, id: string, label: string): VNode {
  return (
    <div
      key={column}
      id={id}
      role="gridcell"
      aria-colindex={c + 2}
      aria-label={label}
      class={`mx-c ${at ? "mx-at" : ""} ${cell ? (dim ? "mx-dim" : "") : "mx-none"}`}
      style={{ "--c": c }}
      data-r={index}
      data-c={c}
    >
      {cell && <Sign cell={cell} />}
    </div>
  );
}

function looksLike(a: Look, b: Look): boolean {
  return a.c === b.c && a.index === b.index && a.dim === b.dim && a.at === b.at && readsLike(a.cell, b.cell);
}

/** Whether two cells have the same sign and the same name. */
function readsLike(a: Cell | undefined, b: Cell | undefined): boolean {
  if (a === b) return true;
  if (!a || !b) return false;
  return (
    a.state === b.state && a.attempt === b.attempt && Math.round(a.progress * 100) === Math.round(b.progress * 100)
  );
}

function Sign(props: { cell: Cell }) {
  const { state, attempt, progress } = props.cell;
  const percent = state === "running" && progress > 0;
  return (
    <span class={`mark m-${state} ${percent ? "m-percent" : ""}`} aria-hidden="true">
      {percent ? Math.round(progress * 100) : GLYPH[state]}
      {attempt > 1 && <sup>{attempt > 9 ? "9+" : attempt}</sup>}
    </span>
  );
}
