import { problem, request, withQuery } from "./http";

export interface StreamEvent {
  name: string;
  data: string;
  id: string | null;
}

/**
 * Reads one `text/event-stream` answer until it ends, calling `onBytes` for whatever arrives (comments, too: the server
 * sends one now and then to say that it is there). Unlike EventSource it can say why it failed, and resumes where told.
 * Rejects with ApiError, or with the abort's reason.
 */
export async function readStream(
  path: string,
  query: Record<string, string | null>,
  signal: AbortSignal,
  on: { open(): void; bytes(): void; event(event: StreamEvent): void },
): Promise<void> {
  const response = await request("GET", withQuery(path, query), undefined, signal);
  if (!response.ok || !response.body) {
    const body = await response.json().catch(() => null);
    throw problem(response, body);
  }
  on.open();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const parse = eventParser(on.event);
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    on.bytes();
    parse(value);
  }
}

/** Feeds on pieces of text, calls back for each whole event. */
export function eventParser(onEvent: (event: StreamEvent) => void): (piece: string) => void {
  let rest = "";
  let name = "message";
  let data: string[] = [];
  let id: string | null = null;
  return (piece) => {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    for (const raw of lines) {
      const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
      if (line === "") {
        if (data.length > 0) onEvent({ name, data: data.join("\n"), id });
        name = "message";
        data = [];
        id = null;
        continue;
      }
      const colon = line.indexOf(":");
      if (colon === 0) continue;
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "event") name = value;
      else if (field === "data") data.push(value);
      else if (field === "id") id = value;
    }
  };
}
