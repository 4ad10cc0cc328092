import { isUtf8 } from "node:buffer";
import { type Bytes, readUpTo, unpacked } from "./http-coding";
import { type AnswerHeaders, headersOf, wordsOf } from "./http-headers";
import type { HttpRequest } from "./http-request";
import type { Exchange } from "./http-send";

/**
 * An answer as it is recorded. `json` is the result's text, `start` the beginning of a textual
 * body.
 */
export interface HttpAnswer {
  json: string;
  start: string;
}

interface Facts {
  request: HttpRequest;
  redirects: number;
  startedAt: number;
}

interface Limits {
  maxBodyBytes: number;
  maxResultBytes: number;
}

/**
 * Reads an answer, at most `maxBodyBytes` of its body as it is sent and as many unpacked. Text is
 * kept as text, anything else as base64. Headers and body together stay within `maxResultBytes` of
 * JSON: the body gives way, then the headers.
 */
export async function readAnswer(exchange: Exchange, facts: Facts, limits: Limits): Promise<HttpAnswer> {
  const most = Math.min(limits.maxBodyBytes, limits.maxResultBytes);
  const received = await readUpTo(exchange.body, most);
  // A payload that sets Accept-Encoding gets the answer undecoded.
  const unasked = facts.request.headers["accept-encoding"] === "identity";
  const plain = unasked ? await unpacked(received, codingsOf(exchange.rawHeaders), most) : null;
  let { body, truncated } = plain ?? received;
  let headers: AnswerHeaders | null = headersOf(exchange.rawHeaders);
  for (;;) {
    const text = textOf({ body, truncated });
    const json = JSON.stringify({
      status: exchange.status,
      ...(headers === null ? { headers: {}, headers_truncated: true } : { headers }),
      ...(text === null ? { body_base64: body.toString("base64") } : { body: text }),
      ...(plain === null ? {} : { body_unpacked: true }),
      body_truncated: truncated,
      url: facts.request.url.href,
      redirects: facts.redirects,
      duration_ms: Math.round(performance.now() - facts.startedAt),
    });
    const fits = Buffer.byteLength(json) <= limits.maxResultBytes;
    if (fits || (body.length === 0 && headers === null)) return { json, start: text ?? "" };
    if (body.length === 0) headers = null;
    else {
      body = body.subarray(0, body.length >> 1);
      truncated = true;
    }
  }
}

/** In the order in which they were applied; how it was transferred comes last. */
function codingsOf(rawHeaders: readonly string[]): string[] {
  const transfer = wordsOf(rawHeaders, "transfer-encoding").filter((word) => word !== "chunked");
  return [...wordsOf(rawHeaders, "content-encoding"), ...transfer];
}

/**
 * The body as text, or null if it is not UTF-8; a character that the limit has cut in two is
 * dropped.
 */
function textOf({ body, truncated }: Bytes): string | null {
  let end = body.length;
  if (truncated) {
    let start = end - 1;
    while (start >= 0 && end - start < 4 && (body[start]! & 0xc0) === 0x80) start--;
    if (start >= 0 && body[start]! >= 0xc0 && !isUtf8(body.subarray(start, end))) end = start;
  }
  const kept = body.subarray(0, end);
  return isUtf8(kept) ? kept.toString("utf8") : null;
}
