/** One event of a `text/event-stream`, as it came. */
export interface ServerSentEvent {
  id: string | null;
  event: string;
  data: string;
}

/** An event longer than this is not one of ours. */
const MOST_CHARACTERS = 16 * 1024 * 1024;

/**
 * Takes the text of a stream in pieces of any size and gives back the events that are whole (WHATWG server-sent events: lines
 * end with CR, LF or both; a blank line ends an event; comments are left out).
 */
export class EventParser {
  private rest = "";
  private data: string[] = [];
  private event = "";
  private id: string | null = null;
  /** Milliseconds before reconnecting, as the server said last. */
  retry: number | null = null;

  push(text: string): ServerSentEvent[] {
    this.rest += text;
    if (this.rest.length > MOST_CHARACTERS) throw new Error("The event stream sent a line that is too long");
    const events: ServerSentEvent[] = [];
    for (;;) {
      const end = /\r\n|\n|\r(?!$)/.exec(this.rest);
      if (!end) return events;
      const line = this.rest.slice(0, end.index);
      this.rest = this.rest.slice(end.index + end[0].length);
      const event = this.line(line);
      if (event) events.push(event);
    }
  }

  private line(line: string): ServerSentEvent | null {
    if (line === "") return this.dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.data.push(value);
    else if (field === "event") this.event = value;
    else if (field === "id" && !value.includes("\0")) this.id = value;
    else if (field === "retry" && /^\d+$/.test(value)) this.retry = Number(value);
    return null;
  }

  private dispatch(): ServerSentEvent | null {
    const { data, event, id } = this;
    this.data = [];
    this.event = "";
    if (data.length === 0) return null;
    return { id, event: event || "message", data: data.join("\n") };
  }
}
