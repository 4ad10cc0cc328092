/** Taken before user code runs: a handler may replace what it finds in its process. */
const { Promise: Later } = globalThis;

/** What a handler process writes, by the functions that its streams have before user code runs. */
export class ChildOutput {
  private readonly out = new Stream(process.stdout);
  private readonly error = new Stream(process.stderr);

  print(text: string): void {
    this.out.write(text);
  }

  printError(text: string): void {
    this.error.write(text);
  }

  /** Resolves when all of it has left this process, or never can. */
  async flush(): Promise<void> {
    await this.out.flush();
    await this.error.flush();
  }
}

class Stream {
  readonly write: NodeJS.WriteStream["write"];

  constructor(private readonly stream: NodeJS.WriteStream) {
    this.write = stream.write.bind(stream);
  }

  flush(): Promise<void> {
    if (this.stream.writableLength === 0 || this.stream.destroyed) return Later.resolve();
    return new Later((resolve) => this.write("", () => resolve()));
  }
}
