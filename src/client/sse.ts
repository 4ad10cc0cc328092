/** One event of a `text/event-stream`. */
export interface ServerSentEvent {
  /** The last id of the stream, from this event or an earlier one; the stream resumes there. */
  id: string | null;
  event: string;
  data: string;
}

/** tasker sends no longer events. */
const MAX_CHARACTERS = 16 * 1024 * 1024;

/**
 * Parses server-sent events (WHATWG). Takes the text of a stream in pieces of any size and returns
 * the complete events. A line ends with CR, LF or both; a blank line ends an event; comments are
 * skipped. Takes time linear in the text.
 */
export class EventParser {
  /** Milliseconds before reconnecting, as the server last asked. */
  retry: number | null = null;
  /**
   * The incomplete line. It is not searched again with each piece, which would take quadratic time.
   */
  private partial = "";
  private data: string[] = [];
  private size = 0;
  private event = "";
  private id: string | null = null;
  private atStart = true;
  /** The last piece ended with CR; an LF at the start of the next one belongs to it. */
  private afterCR = false;

  push(text: string): ServerSentEvent[] {
    if (text === "") return [];
    let from = (this.atStart && text[0] === "\uFEFF") || (this.afterCR && text[0] === "\n") ? 1 : 0;
    this.atStart = false;
    this.afterCR = text.endsWith("\r");
    const events: ServerSentEvent[] = [];
    const lineEnd = /\r\n?|\n/g;
    lineEnd.lastIndex = from;
    for (let end = lineEnd.exec(text); end; end = lineEnd.exec(text)) {
      const line = this.partial + text.slice(from, end.index);
      this.partial = "";
      from = lineEnd.lastIndex;
      const event = this.line(line);
      if (event) events.push(event);
    }
    this.partial += text.slice(from);
    if (this.partial.length + this.size > MAX_CHARACTERS)
      throw new Error(`The event stream sent an event of more than ${MAX_CHARACTERS} characters`);
    return events;
  }

  private line(line: string): ServerSentEvent | null {
    if (line === "") return this.dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") {
      this.data.push(value);
      this.size += value.length + 1;
    } else if (field === "event") this.event = value;
    else if (field === "id" && !value.includes("\0")) this.id = value;
    else if (field === "retry" && /^\d+$/.test(value)) this.retry = Number(value);
    return null;
  }

  private dispatch(): ServerSentEvent | null {
    const { data, event, id } = this;
    this.data = [];
    this.size = 0;
    this.event = "";
    return data.length === 0 ? null : { id, event: event || "message", data: data.join("\n") };
  }
}
