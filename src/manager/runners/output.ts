import { StringDecoder } from "node:string_decoder";

/** Longer pieces without a line end are passed on as they are: a line is no reason to hold memory. */
const LONGEST_LINE = 64 * 1024;

/**
 * Output of a process on its way to the log: whole lines, as they come, each ending in a newline, at most `maxBytes` in all, then
 * one line that says how much was left out. stdout and stderr each keep their own unfinished line.
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
    if (this.passed >= this.maxBytes) {
      this.leftOut += chunk.length;
      return;
    }
    this.passOn(this.unfinished[stream].write(chunk));
  }

  /** Hands on what has no line end yet, and says what was left out. */
  end(): void {
    this.passOn(this.unfinished.stdout.end());
    this.passOn(this.unfinished.stderr.end());
    if (this.leftOut > 0) this.log(`… ${this.leftOut} bytes left out …\n`);
    this.leftOut = 0;
  }

  private passOn(text: string): void {
    if (text === "") return;
    this.passed += Buffer.byteLength(text);
    this.log(text.endsWith("\n") ? text : `${text}\n`);
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
    if (cut === 0 && text.length < LONGEST_LINE) {
      this.rest = text;
      return "";
    }
    this.rest = cut === 0 || text.length - cut >= LONGEST_LINE ? "" : text.slice(cut);
    return this.rest === "" ? text : text.slice(0, cut);
  }

  end(): string {
    const text = this.rest + this.decoder.end();
    this.rest = "";
    return text;
  }
}
