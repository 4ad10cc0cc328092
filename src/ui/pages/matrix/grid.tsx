import { type Signal, useSignal } from "@preact/signals";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { go, href } from "../../app/router";
import type { CellState } from "../../parts/status";
import { Cross } from "./cross";
import { Foot, Head } from "./edges";
import { ANYONE, type MatrixModel, type Row } from "./model";
import { clamp, moved, type Place, placeOf, ROW_HEIGHT } from "./place";
import { MatrixRow } from "./row";
import { reveal, useViewport } from "./viewport";

export interface GridProps {
  model: MatrixModel;
  rows: readonly Row[];
  columns: readonly string[];
  only: CellState | null;
  /** The cell under the pointer or the keyboard focus. */
  at: Signal<Place | null>;
  complete: boolean;
  onOpen(row: Row, column: string): void;
  onNearEnd(): void;
  onHold(held: boolean): void;
}

/**
 * The grid: only visible rows and columns are in the document; head, foot and first column are
 * sticky. The focus stays on the grid, and aria-activedescendant names the active cell, so that
 * scrolling cannot lose it.
 */
export function Grid(props: GridProps) {
  const { rows, columns } = props;
  const box = useRef<HTMLDivElement>(null);
  const id = useId();
  const size = { rows: rows.length, columns: columns.length };
  const view = useViewport(box, size, props.onNearEnd);
  const { place, focused, on } = useNavigation(
    props,
    (next) => {
      reveal(box.current!, next, view.cell);
      view.measure();
    },
    view.pageRows,
  );
  const idOf = (where: Place) => `${id}-${where.row}-${where.column}`;
  const longest = columns.reduce((most, name) => Math.max(most, name.length), 4);

  return (
    <div
      ref={box}
      class={`mx ${view.wide ? "mx-wide" : ""}`}
      role="grid"
      tabIndex={0}
      aria-label="Tasks by endpoint. Arrow keys move, Enter opens."
      aria-rowcount={props.complete ? rows.length + 2 : -1}
      aria-colcount={columns.length + 2}
      aria-activedescendant={idOf(place)}
      style={{
        "--columns": columns.length,
        "--cell": `${view.cell}px`,
        "--head": view.wide ? "40px" : `${Math.min(124, longest * 7.5 + 24)}px`,
      }}
      onScroll={view.measure}
      {...on}
    >
      <Head columns={columns} model={props.model} idOf={idOf} active={focused ? place : null} />
      <div class="mx-body" role="rowgroup" style={{ height: `${rows.length * ROW_HEIGHT}px` }}>
        <Cross at={props.at} />
        {rows.slice(view.from, view.to).map((row, i) => (
          <MatrixRow
            key={row.id}
            row={row}
            index={view.from + i}
            columns={columns}
            left={view.left}
            right={view.right}
            only={props.only}
            idOf={idOf}
            active={focused && place.row === view.from + i ? place.column : null}
          />
        ))}
      </div>
      <Foot columns={columns} model={props.model} index={rows.length} />
    </div>
  );
}

/** Handles keyboard and pointer in the grid. */
function useNavigation(props: GridProps, onMove: (place: Place) => void, pageRows: () => number) {
  const { rows, columns, at, onHold } = props;
  const size = { rows: rows.length, columns: columns.length };
  const active = useSignal<Place>({ row: 0, column: 0 });
  const focused = useSignal(false);
  const place = clamp(active.value, size);
  // A grid that goes away with the pointer inside never hears of it.
  useLayoutEffect(() => () => onHold(false), []);

  const open = (where: Place) => {
    const row = rows[where.row];
    const column = columns[where.column];
    if (where.row === -1 && column && column !== ANYONE) go(href(["endpoints", column]));
    else if (row && (where.column === -1 || where.column === columns.length))
      go(href(["tasks", row.task.type, row.id]));
    else if (row && column && row.cells.has(column)) props.onOpen(row, column);
  };
  const focus = (on: boolean) => {
    focused.value = on;
    at.value = on ? place : null;
    onHold(on);
  };
  const on = {
    onKeyDown(event: KeyboardEvent) {
      const next = moved(event, place, size, pageRows());
      if (next) {
        active.value = next;
        at.value = next;
        onMove(next);
      } else if (event.key === "Enter" || event.key === " ") open(place);
      else return;
      event.preventDefault();
    },
    onClick(event: MouseEvent) {
      const where = placeOf(event);
      if (!where || (event.target as HTMLElement).closest("a")) return;
      active.value = where;
      open(where);
    },
    onFocus: () => focus(true),
    onBlur: () => focus(false),
    onPointerEnter: () => onHold(true),
    onPointerMove(event: Event) {
      const where = placeOf(event);
      const old = at.peek();
      if (where && (old?.row !== where.row || old.column !== where.column)) at.value = where;
    },
    onPointerLeave() {
      at.value = focused.peek() ? place : null;
      onHold(focused.peek());
    },
  };
  return { place, focused: focused.value, on };
}
