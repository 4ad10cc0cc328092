/** Height of a row, pixels. */
export const ROW_HEIGHT = 34;

/** The keyboard position. Row -1: the head; column -1: the name; last column: the total. */
export interface Place {
  row: number;
  column: number;
}

export interface Size {
  rows: number;
  columns: number;
}

export function clamp({ row, column }: Place, { rows, columns }: Size): Place {
  return { row: Math.max(-1, Math.min(rows - 1, row)), column: Math.max(-1, Math.min(columns, column)) };
}

/** The position after a key press; null: the key does not move. */
export function moved(event: KeyboardEvent, { row, column }: Place, size: Size, pageRows: number): Place | null {
  const moves: Record<string, [row: number, column: number]> = {
    ArrowUp: [row - 1, column],
    ArrowDown: [row + 1, column],
    ArrowLeft: [row, column - 1],
    ArrowRight: [row, column + 1],
    PageUp: [Math.max(0, row - pageRows), column],
    PageDown: [row + pageRows, column],
    Home: [event.ctrlKey ? 0 : row, event.ctrlKey ? 0 : -1],
    End: [event.ctrlKey ? size.rows - 1 : row, size.columns],
  };
  const move = moves[event.key];
  return move ? clamp({ row: move[0], column: move[1] }, size) : null;
}

/** The cell that an event happened in. */
export function placeOf(event: Event): Place | null {
  const cell = (event.target as HTMLElement).closest<HTMLElement>("[data-c]");
  return cell ? { row: Number(cell.dataset.r), column: Number(cell.dataset.c) } : null;
}
