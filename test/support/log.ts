import { Writable } from "node:stream";
import pino from "pino";
import type { Log } from "../../src/log";

export interface LogLine {
  level: number;
  msg: string;
  [field: string]: unknown;
}

export const WARN = 40;

/** A log that keeps what was written, for tests of what a person is told. */
export function capturingLog(): { log: Log; lines: LogLine[]; warnings(): string[] } {
  const lines: LogLine[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      for (const line of String(chunk).split("\n")) if (line) lines.push(JSON.parse(line));
      done();
    },
  });
  return {
    log: pino({ level: "trace", base: {} }, sink),
    lines,
    warnings: () => lines.filter((line) => line.level >= WARN).map((line) => line.msg),
  };
}
