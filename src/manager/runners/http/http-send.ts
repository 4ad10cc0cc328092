import { type ClientRequest, type IncomingMessage, request as open } from "node:http";
import type { Socket } from "node:net";
import { cleanText, shortText } from "../text";
import type { Connect } from "./http-connect";
import type { HttpRequest } from "./http-request";

/** Names and values of an answer together; more is `UnreadableAnswer`. */
const MAX_HEADER_BYTES = 128 * 1024;

/**
 * The target has answered, but not in HTTP. It has had the request and may have acted on it, so
 * that only a method that may be repeated without harm is worth another attempt.
 */
export class UnreadableAnswer extends Error {}

/** An answer that has begun to arrive. */
export interface Exchange {
  status: number;
  /** Names and values by turns, one character a byte. */
  rawHeaders: readonly string[];
  /**
   * The body as it is received. Fails if the connection breaks before the body's end;
   * UnreadableAnswer if it is malformed.
   */
  body: AsyncIterable<Buffer>;
  /** Ends the connection, whatever is still under way. */
  close(): void;
}

/**
 * One request on a connection of its own, sent once: nothing here ever repeats it. The answer
 * counts from its first byte on, also if the target has stopped reading by then. 1xx answers before
 * it are passed over.
 */
export function send(request: HttpRequest, connect: Connect, signal: AbortSignal): Promise<Exchange> {
  return new Promise((resolve, reject) => {
    const { url, method, body } = request;
    const headers = body === null ? request.headers : { ...request.headers, "content-length": Buffer.byteLength(body) };
    let socket: Socket | null = null as Socket | null;
    const sent = open({
      // The connection is ours, so that the protocol is always this one to node:http.
      protocol: "http:",
      host: url.host,
      path: `${url.pathname}${url.search}`,
      method,
      headers: { ...headers, host: url.host },
      createConnection: () => {
        socket = connect(url);
        return socket;
      },
      signal,
      maxHeaderSize: MAX_HEADER_BYTES,
      // Folded headers, bare line feeds, a length beside chunks: met outside, and unambiguous on a
      // connection of one answer.
      insecureHTTPParser: true,
    });
    // The socket may end before node:http listens to it.
    const early = (error: Error) => void sent.destroy(error);
    socket?.on("error", early);
    sent.once("socket", () => socket?.off("error", early));
    // No header is left out; their bytes are limited.
    sent.maxHeadersCount = 0;
    let failure: Error | null = null;
    sent.on("error", (error: NodeJS.ErrnoException) => {
      failure = error.code?.startsWith("HPE_") ? unreadable(request, error) : error;
      reject(failure);
    });
    sent.on("upgrade", (_, socket) => {
      socket.destroy();
      reject(new UnreadableAnswer(`${url.origin} answered "101 Switching Protocols", which was not asked for.`));
    });
    sent.on("close", () => reject(new Error("the connection ended without an answer")));
    sent.on("response", (response) => resolve(exchange(sent, response, () => failure)));
    sent.end(body ?? undefined);
  });
}

function exchange(sent: ClientRequest, response: IncomingMessage, failure: () => Error | null): Exchange {
  // Giving up a body is an error of its stream; it is ignored.
  response.on("error", () => {});
  return {
    status: response.statusCode!,
    rawHeaders: response.rawHeaders,
    body: bodyOf(response, failure),
    close: () => void sent.destroy(),
  };
}

async function* bodyOf(response: IncomingMessage, failure: () => Error | null): AsyncIterable<Buffer> {
  try {
    yield* response;
  } catch (error) {
    const why = failure();
    if (why instanceof UnreadableAnswer) throw why;
    const { code } = (why ?? error) as NodeJS.ErrnoException;
    const said = `it answered ${response.statusCode}, and the connection broke before the end of the answer`;
    throw Object.assign(new Error(said, { cause: error }), { code });
  }
}

/**
 * `rawPacket`: the piece of the answer that could not be read; usually its beginning, which
 * identifies the server to a reader.
 */
function unreadable(request: HttpRequest, error: Error & { rawPacket?: Buffer; reason?: string }): UnreadableAnswer {
  const start = error.rawPacket === undefined ? "" : shortText(error.rawPacket.toString("latin1"), 200);
  const what = error.reason ?? error.message;
  return new UnreadableAnswer(
    cleanText(
      `${request.url.origin} answered something that is not HTTP (${what})${start && `: ${JSON.stringify(start)}`}`,
    ),
  );
}
