import { useComputed, useSignal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import { type Place, ROW_HEIGHT, type Size } from "./place";

/** The width of a column. With few columns their names are horizontal. */
const NARROW = 34;
const WIDE = 104;
const WIDEST = 160;
const WIDE_REST = 400;
const OVERSCAN = 6;
/** Horizontally, the rendered range changes in steps of this many pixels. */
const PART = 272;
/** More rows are loaded when the end is nearer than this. */
const NEAR_END = 600;

/** The visible part: rows `from`–`to`, columns `left`–`right`, and the width of a cell. */
export interface Viewport {
  from: number;
  to: number;
  left: number;
  right: number;
  cell: number;
  /** The names of the columns are horizontal. */
  wide: boolean;
  /** Rows that one press of a page key moves by. */
  pageRows(): number;
  /** To be called after scrolling. */
  measure(): void;
}

export function useViewport(
  box: { readonly current: HTMLDivElement | null },
  size: Size,
  onNearEnd: () => void,
): Viewport {
  const scroll = useSignal({ top: 0, left: 0, height: 600, width: 1200 });
  const measure = () => {
    const element = box.current;
    if (!element) return;
    const { scrollTop, scrollLeft, clientHeight, clientWidth } = element;
    scroll.value = { top: scrollTop, left: scrollLeft, height: clientHeight, width: clientWidth };
    if (scrollTop + clientHeight > element.scrollHeight - NEAR_END) onNearEnd();
  };
  useLayoutEffect(() => {
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, [size.rows === 0]);

  // Each changes less often than the scroll position, and only then is the grid drawn again.
  const from = useComputed(() => Math.max(0, Math.floor(scroll.value.top / ROW_HEIGHT) - OVERSCAN));
  const to = useComputed(() => Math.ceil((scroll.value.top + scroll.value.height) / ROW_HEIGHT) + OVERSCAN);
  const part = useComputed(() => Math.floor(scroll.value.left / PART)).value;
  const width = useComputed(() => scroll.value.width).value;
  const wide = size.columns * WIDE + WIDE_REST <= width;
  const cell = wide ? Math.min(WIDEST, Math.floor((width - WIDE_REST) / Math.max(1, size.columns))) : NARROW;
  return {
    from: from.value,
    to: to.value,
    left: Math.max(0, Math.floor(((part - 1) * PART) / cell)),
    right: Math.ceil(((part + 2) * PART + width) / cell),
    cell,
    wide,
    pageRows: () => Math.max(1, Math.floor(scroll.peek().height / ROW_HEIGHT) - 3),
    measure,
  };
}

/** Scrolls until the position is visible and not covered by a sticky part. */
export function reveal(box: HTMLElement, place: Place, cell: number): void {
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
  const x = place.column * cell;
  const room = box.clientWidth - first - last;
  if (place.column < 0 || x < box.scrollLeft) box.scrollLeft = Math.max(0, x);
  else if (x + cell > box.scrollLeft + room) box.scrollLeft = x + cell - room;
}
