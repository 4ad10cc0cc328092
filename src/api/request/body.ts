import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { TaskerError } from "../../errors";
import { deeperThan, MAX_DEPTH } from "../../model/json/json";
import { placeOfFault } from "../../model/json/json-fault";

/** The client disconnected before its request was complete: no answer is possible. */
export class ClientGone extends Error {}

const NOTHING = Buffer.alloc(0);

/**
 * The raw body, at most `limit` bytes. A longer one is refused as soon as that is known: from its
 * Content-Length before a byte is read, else at the first chunk too many. Throws TaskerError
 * `body_too_large` or `unsupported_media_type`, ClientGone.
 */
export function readBody(req: IncomingMessage, limit: number): Promise<Buffer> {
  const announced = req.headers["content-length"];
  if (announced === undefined && req.headers["transfer-encoding"] === undefined) return Promise.resolve(NOTHING);
  const encoding = req.headers["content-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    return Promise.reject(
      new TaskerError(
        "unsupported_media_type",
        "Compressed request bodies are not taken: send it without Content-Encoding",
      ),
    );
  }
  if (announced !== undefined && Number(announced) > limit) return Promise.reject(tooLarge(limit));

  return new Promise((resolve, reject) => {
    let first: Buffer | null = null;
    let chunks: Buffer[] | null = null;
    let length = 0;
    const stop = () => {
      req.off("data", onData).off("end", onEnd).off("error", onGone).off("close", onGone);
    };
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      if (length > limit) {
        stop();
        req.pause();
        reject(tooLarge(limit));
      } else if (first === null) first = chunk;
      else if (chunks === null) chunks = [first, chunk];
      else chunks.push(chunk);
    };
    const onEnd = () => {
      stop();
      resolve(chunks ? Buffer.concat(chunks, length) : (first ?? NOTHING));
    };
    const onGone = () => {
      stop();
      req.on("error", () => {});
      reject(new ClientGone("the client closed the connection before its request was complete"));
    };
    req.on("data", onData).on("end", onEnd).on("error", onGone).on("close", onGone);
  });
}

function tooLarge(limit: number): TaskerError {
  return new TaskerError(
    "body_too_large",
    `The request body is larger than the ${limit} bytes that api.max_body allows`,
  );
}

export interface JsonBody {
  value: Record<string, unknown>;
  text: string;
}

/**
 * The body as a JSON object with its text. An absent body is `{}` where `mayBeEmpty`. Throws
 * TaskerError `unsupported_media_type`, `malformed_json` (with the position, never with the text)
 * or `invalid_request`.
 */
export function parseBody(bytes: Buffer, contentType: string | undefined, mayBeEmpty: boolean): JsonBody {
  if (bytes.length === 0) {
    if (mayBeEmpty) return { value: {}, text: "{}" };
    checkMediaType(contentType);
    throw new TaskerError("malformed_json", "The request has no body: a JSON object is expected");
  }
  checkMediaType(contentType);
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    throw new TaskerError("malformed_json", "The request body begins with a byte order mark: send the JSON without it");
  }
  if (!isUtf8(bytes)) throw new TaskerError("malformed_json", "The request body is not valid UTF-8");
  const text = bytes.toString("utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new TaskerError("malformed_json", `The request body is not JSON: ${placeOfFault(text)}`);
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new TaskerError("invalid_request", "The request body must be a JSON object", {
      errors: [{ pointer: "#", detail: "must be an object" }],
    });
  }
  if (text.length > 2 * MAX_DEPTH && deeperThan(value, MAX_DEPTH)) {
    throw new TaskerError("invalid_request", `The request body nests deeper than ${MAX_DEPTH} levels`, {
      errors: [{ pointer: "#", detail: `must not nest deeper than ${MAX_DEPTH} levels` }],
    });
  }
  return { value: value as Record<string, unknown>, text };
}

const JSON_MEDIA_TYPE = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-?8"?\s*)?;?\s*$/i;

function checkMediaType(contentType: string | undefined): void {
  if (contentType === "application/json" || (contentType !== undefined && JSON_MEDIA_TYPE.test(contentType))) return;
  throw new TaskerError(
    "unsupported_media_type",
    "The request body must be JSON in UTF-8: send it with the header Content-Type: application/json",
  );
}
