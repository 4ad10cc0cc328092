import { StringDecoder } from "node:string_decoder";
import { cleanText } from "../text";

/**
 * Longer pieces without a line end are passed on as they are: a line is no reason to hold memory.
 */
const LONGEST_LINE = 64 * 1024;

/**
 * Output of a process on its way to the log: whole lines, as they come, each text ending in a
 * newline, at most `maxBytes` in all, then one line that says how much was left out. stdout and
 * stderr each keep their own unfinished line.
 */
export class LineFeed {
  private readonly unfinished = { stdout: new Lines(), stderr: new Lines() };
  private passed = 0;
  private leftOut = 0;

  constructor(
    private readonly log: (text: string) => void,
    private readonly maxBytes: number,
  ) {}

  write(chunk: Buffer, stream: "stdout" | "stderr"): void {
    if (this.passed >= this.maxBytes) this.leftOut += chunk.length;
    else this.text(this.unfinished[stream].write(chunk));
  }

  /** Text that is cut at line ends already. */
  text(text: string): void {
    if (text === "") return;
    const bytes = Buffer.byteLength(text);
    if (this.passed >= this.maxBytes) {
      this.leftOut += bytes;
      return;
    }
    this.passed += bytes;
    this.log(cleanText(text.endsWith("\n") ? text : `${text}\n`));
  }

  /** Hands on what has no line end yet, and says what was left out. */
  end(): void {
    this.text(this.unfinished.stdout.end());
    this.text(this.unfinished.stderr.end());
    if (this.leftOut > 0) this.log(leftOutMark(this.leftOut));
    this.leftOut = 0;
  }
}

/** Cuts a stream of UTF-8 at line ends; invalid bytes become U+FFFD. */
export class Lines {
  private readonly decoder = new StringDecoder("utf8");
  private rest = "";

  /** All whole lines so far, newlines included; "" when none is finished. */
  write(chunk: Buffer): string {
    const text = this.rest + this.decoder.write(chunk);
    const cut = text.lastIndexOf("\n") + 1;
    if (text.length - cut >= LONGEST_LINE) {
      this.rest = "";
      return text;
    }
    this.rest = text.slice(cut);
    return text.slice(0, cut);
  }

  end(): string {
    const text = this.rest + this.decoder.end();
    this.rest = "";
    return text;
  }
}

/**
 * Keeps the beginning and the end of a text, together about `maxBytes`, with a mark between them
 * that says what is missing.
 */
export class Capture {
  private head = "";
  private headBytes = 0;
  private tail: Array<{ text: string; bytes: number }> = [];
  private tailBytes = 0;
  private total = 0;

  constructor(private readonly maxBytes: number) {}

  append(text: string): void {
    if (text === "") return;
    let rest = text;
    this.total += Buffer.byteLength(text);
    const room = Math.floor(this.maxBytes / 2) - this.headBytes;
    if (room > 0 && this.tail.length === 0) {
      const part = Buffer.byteLength(rest) <= room ? rest : firstBytes(rest, room);
      this.head += part;
      this.headBytes += Buffer.byteLength(part);
      rest = rest.slice(part.length);
      if (rest === "") return;
    }
    this.tail.push({ text: rest, bytes: Buffer.byteLength(rest) });
    this.tailBytes += this.tail.at(-1)!.bytes;
    // Whole pieces go; the first that stays is cut when the text is asked for.
    while (this.tail.length > 1 && this.tailBytes - this.tail[0]!.bytes >= this.tailRoom()) {
      this.tailBytes -= this.tail.shift()!.bytes;
    }
  }

  toString(): string {
    const joined = this.tail.map((piece) => piece.text).join("");
    if (this.total <= this.maxBytes) return this.head + joined;
    const tail = lastBytes(joined, this.tailRoom());
    const leftOut = this.total - this.headBytes - Buffer.byteLength(tail);
    return `${this.head}\n${leftOutMark(leftOut)}${tail}`;
  }

  private tailRoom(): number {
    return this.maxBytes - this.headBytes;
  }
}

export function leftOutMark(bytes: number): string {
  return `… ${bytes} bytes left out …\n`;
}

/** At most the first `bytes` bytes of `text` as UTF-8, no character cut. */
export function firstBytes(text: string, bytes: number): string {
  const buffer = Buffer.from(text);
  let end = Math.min(bytes, buffer.length);
  while (end > 0 && end < buffer.length && (buffer[end]! & 0xc0) === 0x80) end--;
  return buffer.toString("utf8", 0, end);
}

function lastBytes(text: string, bytes: number): string {
  const buffer = Buffer.from(text);
  let start = Math.max(0, buffer.length - bytes);
  while (start < buffer.length && (buffer[start]! & 0xc0) === 0x80) start++;
  return buffer.toString("utf8", start);
}
