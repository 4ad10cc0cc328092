import { styleText } from "node:util";
import { terminalSettings } from "../config/client-settings";
import { cell, cleanText, pad, safeJson, width } from "./text";

export interface OutputOptions {
  json?: boolean;
  quiet?: boolean;
  /** false: `--no-color`. */
  color?: boolean;
}

/** One result in every form. Cells may hold foreign text; Output cleans it. */
export interface Result {
  /** The one document of `--json`. */
  json: unknown;
  /** The lines of `--quiet`. */
  ids: readonly string[];
  columns: readonly string[];
  rows: ReadonlyArray<readonly Cell[]>;
  /** Lines above the table, for people only. */
  head?: readonly string[];
  /** For standard error when there are no rows. */
  none?: string;
}

export type Cell = string | number | null | undefined | { text: string; style: Style };
export type Style = "green" | "red" | "yellow" | "cyan" | "gray" | "bold" | "dim";

const WIDEST_CELL = 60;

/** Writes data to standard output and messages to standard error. */
export class Output {
  /** Whether standard output is a terminal: tables there, tab-separated lines elsewhere. */
  readonly terminal: boolean;
  /** Whether standard error is a terminal that can be redrawn. */
  readonly live: boolean;
  private readonly colors: { out: boolean; err: boolean };

  constructor(readonly options: OutputOptions) {
    const settings = terminalSettings();
    this.terminal = process.stdout.isTTY === true;
    this.live = process.stderr.isTTY === true && !settings.dumb;
    const wanted = options.color !== false && !settings.noColor;
    this.colors = {
      out: wanted && (this.terminal || settings.forceColor),
      err: wanted && (this.live || settings.forceColor),
    };
  }

  /** Whether the output is for people: no `--json`, no `--quiet`. */
  get plain(): boolean {
    return !this.options.json && !this.options.quiet;
  }

  result(result: Result): void {
    if (this.options.json) this.data(safeJson(result.json));
    else if (this.options.quiet) for (const id of result.ids) this.data(cell(id));
    else this.forPeople(result);
  }

  private forPeople(result: Result): void {
    if (this.terminal) for (const line of result.head ?? []) this.data(cell(line));
    if (result.rows.length === 0) {
      if (result.none) this.say(result.none);
      return;
    }
    if (this.terminal) this.table(result.columns, result.rows);
    else for (const row of result.rows) this.data(row.map((value) => cell(plainOf(value))).join("\t"));
  }

  /** Writes a line to standard output. The caller has cleaned it. */
  data(line: string): void {
    process.stdout.write(`${line}\n`);
  }

  /** Writes foreign text to standard output: cleaned on a terminal, byte for byte elsewhere. */
  raw(text: string): void {
    process.stdout.write(this.terminal ? cleanText(text) : text);
  }

  /** Writes a message for people. */
  say(text: string): void {
    process.stderr.write(`${cleanText(text)}\n`);
  }

  paint(style: Style, text: string, stream: "out" | "err" = "err"): string {
    return this.colors[stream] && text !== "" ? styleText(style, text, { validateStream: false }) : text;
  }

  private table(columns: readonly string[], rows: Result["rows"]): void {
    const texts = rows.map((row) => row.map((value) => cell(plainOf(value), WIDEST_CELL)));
    const widths = columns.map((name, i) =>
      texts.reduce((most, row) => Math.max(most, width(row[i] ?? "")), width(name)),
    );
    // The last column takes the rest of the terminal's width.
    const last = columns.length - 1;
    const left = (process.stdout.columns ?? 100) - widths.slice(0, last).reduce((sum, one) => sum + one + 2, 0);
    for (const [r, row] of rows.entries()) texts[r]![last] = cell(plainOf(row[last]), Math.max(20, left));
    const line = (cells: readonly string[], paint: (text: string, i: number) => string) =>
      cells
        .map((text, i) => pad(paint(text, i), i === last ? 0 : widths[i]!))
        .join("  ")
        .trimEnd();
    this.data(line(columns, (text) => this.paint("bold", text, "out")));
    for (const [r, row] of rows.entries()) {
      this.data(
        line(texts[r]!, (text, i) => {
          const value = row[i];
          return typeof value === "object" && value !== null ? this.paint(value.style, text, "out") : text;
        }),
      );
    }
  }
}

function plainOf(value: Cell): string | number | null | undefined {
  return typeof value === "object" && value !== null ? value.text : value;
}
