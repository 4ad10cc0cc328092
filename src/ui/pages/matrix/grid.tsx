import { type Signal, useComputed, useSignal } from "@preact/signals";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { go, href } from "../../app/router";
import type { CellState } from "../../parts/status";
import { Cross } from "./cross";
import { Foot, Head } from "./edges";
import { ANYONE, type MatrixModel, type Row } from "./model";
import { type Place, ROW_HEIGHT } from "./place";
import { MatrixRow } from "./row";

/** A column's width; with few columns their names have room to lie. */
const NARROW = 34;
const WIDE = 104;
const WIDEST = 160;
const WIDE_REST = 400;
const OVERSCAN = 6;
/** Sideways, what is in the document changes in steps of so many pixels. */
const PART = 272;

export interface GridProps {
  model: MatrixModel;
  rows: readonly Row[];
  columns: readonly string[];
  only: CellState | null;
  /** What the pointer or the keyboard is at. */
  at: Signal<Place | null>;
  complete: boolean;
  onOpen(row: Row, column: string): void;
  onNearEnd(): void;
  onHold(held: boolean): void;
}

/**
 * The grid itself: as many rows and columns in the document as can be seen, head, foot and first column stuck. The focus stays
 * on the grid; which cell is meant is told by aria-activedescendant, so that scrolling can never lose it.
 */
export function Grid(props: GridProps) {
  const { rows, columns } = props;
  const box = useRef<HTMLDivElement>(null);
  const id = useId();
  const scroll = useSignal({ top: 0, left: 0, height: 600, width: 1200 });
  const active = useSignal<Place>({ row: 0, column: 0 });
  const focused = useSignal(false);

  const width = useComputed(() => scroll.value.width);
  const wide = columns.length * WIDE + WIDE_REST <= width.value;
  const cell = wide ? Math.min(WIDEST, Math.floor((width.value - WIDE_REST) / Math.max(1, columns.length))) : NARROW;
  const longest = columns.reduce((most, name) => Math.max(most, name.length), 4);
  const measure = () => {
    const element = box.current;
    if (!element) return;
    scroll.value = {
      top: element.scrollTop,
      left: element.scrollLeft,
      height: element.clientHeight,
      width: element.clientWidth,
    };
    if (element.scrollTop + element.clientHeight > element.scrollHeight - 600) props.onNearEnd();
  };
  useLayoutEffect(() => {
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, [rows.length === 0]);
  // A grid that goes away with the pointer inside never hears of it.
  useLayoutEffect(() => () => props.onHold(false), []);

  const from = useComputed(() => Math.max(0, Math.floor(scroll.value.top / ROW_HEIGHT) - OVERSCAN));
  const to = useComputed(() => Math.ceil((scroll.value.top + scroll.value.height) / ROW_HEIGHT) + OVERSCAN);
  const leftPart = useComputed(() => Math.floor(scroll.value.left / PART));
  const left = Math.max(0, Math.floor(((leftPart.value - 1) * PART) / cell));
  const right = Math.ceil(((leftPart.value + 2) * PART + width.value) / cell);

  const place = clamp(active.value, rows.length, columns.length);
  const idOf = (where: Place) => `${id}-${where.row}-${where.column}`;

  const moveTo = (row: number, column: number) => {
    const next = clamp({ row, column }, rows.length, columns.length);
    active.value = next;
    props.at.value = next;
    reveal(box.current!, next, cell);
    measure();
  };
  const open = (where: Place) => {
    const row = rows[where.row];
    const column = columns[where.column];
    if (where.row === -1 && column && column !== ANYONE) go(href(["endpoints", column]));
    else if (row && (where.column === -1 || where.column === columns.length))
      go(href(["tasks", row.task.type, row.id]));
    else if (row && column && row.cells.has(column)) props.onOpen(row, column);
  };
  const press = (event: KeyboardEvent) => {
    const { row, column } = place;
    const page = Math.max(1, Math.floor(scroll.peek().height / ROW_HEIGHT) - 3);
    const moves: Record<string, [number, number]> = {
      ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column],
      ArrowLeft: [row, column - 1],
      ArrowRight: [row, column + 1],
      PageUp: [Math.max(0, row - page), column],
      PageDown: [row + page, column],
      Home: [event.ctrlKey ? 0 : row, event.ctrlKey ? 0 : -1],
      End: [event.ctrlKey ? rows.length - 1 : row, columns.length],
    };
    const move = moves[event.key];
    if (move) moveTo(...move);
    else if (event.key === "Enter" || event.key === " ") open(place);
    else return;
    event.preventDefault();
  };
  const placeOf = (event: Event): Place | null => {
    const cell = (event.target as HTMLElement).closest<HTMLElement>("[data-c]");
    return cell ? { row: Number(cell.dataset.r), column: Number(cell.dataset.c) } : null;
  };
  const click = (event: MouseEvent) => {
    const where = placeOf(event);
    if (!where || (event.target as HTMLElement).closest("a")) return;
    active.value = where;
    open(where);
  };

  return (
    <div
      ref={box}
      class={`mx ${wide ? "mx-wide" : ""}`}
      role="grid"
      tabIndex={0}
      aria-label="Tasks by endpoint. Arrow keys move, Enter opens."
      aria-rowcount={props.complete ? rows.length + 2 : -1}
      aria-colcount={columns.length + 2}
      aria-activedescendant={idOf(place)}
      style={{
        "--columns": columns.length,
        "--cell": `${cell}px`,
        "--head": wide ? "40px" : `${Math.min(124, longest * 7.5 + 24)}px`,
      }}
      onScroll={measure}
      onKeyDown={press}
      onClick={click}
      onFocus={() => {
        focused.value = true;
        props.at.value = place;
        props.onHold(true);
      }}
      onBlur={() => {
        focused.value = false;
        props.at.value = null;
        props.onHold(false);
      }}
      onPointerEnter={() => props.onHold(true)}
      onPointerMove={(event) => {
        const where = placeOf(event);
        const old = props.at.peek();
        if (where && (old?.row !== where.row || old.column !== where.column)) props.at.value = where;
      }}
      onPointerLeave={() => {
        props.at.value = focused.peek() ? place : null;
        props.onHold(focused.peek());
      }}
    >
      <Head columns={columns} model={props.model} idOf={idOf} active={focused.value ? place : null} />
      <div class="mx-body" role="rowgroup" style={{ height: `${rows.length * ROW_HEIGHT}px` }}>
        <Cross at={props.at} />
        {rows.slice(from.value, to.value).map((row, i) => (
          <MatrixRow
            key={row.id}
            row={row}
            index={from.value + i}
            columns={columns}
            left={left}
            right={right}
            only={props.only}
            idOf={idOf}
            active={focused.value && place.row === from.value + i ? place.column : null}
          />
        ))}
      </div>
      <Foot columns={columns} model={props.model} index={rows.length} />
    </div>
  );
}

function clamp(place: Place, rows: number, columns: number): Place {
  return { row: Math.max(-1, Math.min(rows - 1, place.row)), column: Math.max(-1, Math.min(columns, place.column)) };
}

/** Scrolls so that the place is neither outside nor beneath what sticks. */
function reveal(box: HTMLElement, place: Place, width: number): void {
  const head = box.querySelector<HTMLElement>(".mx-head")!.offsetHeight;
  const foot = box.querySelector<HTMLElement>(".mx-foot")!.offsetHeight;
  const first = box.querySelector<HTMLElement>(".mx-corner")!.offsetWidth;
  const last = box.querySelector<HTMLElement>(".mx-head .mx-total")!.offsetWidth;
  const top = place.row * ROW_HEIGHT;
  if (place.row >= 0) {
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + ROW_HEIGHT > box.scrollTop + box.clientHeight - head - foot) {
      box.scrollTop = top + ROW_HEIGHT - box.clientHeight + head + foot;
    }
  }
  const x = place.column * width;
  const room = box.clientWidth - first - last;
  if (place.column < 0 || x < box.scrollLeft) box.scrollLeft = Math.max(0, x);
  else if (x + width > box.scrollLeft + room) box.scrollLeft = x + width - room;
}
