/** Height of a row, pixels. */
export const ROW_HEIGHT = 34;

/** Where the keyboard is: row -1 is the head, column -1 the task's name, column `columns.length` its total. */
export interface Place {
  row: number;
  column: number;
}
