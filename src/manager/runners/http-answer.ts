import { isUtf8 } from "node:buffer";
import type { Dispatcher } from "undici";

/** An answer as it is recorded. `json` is the result's text, `start` the beginning of a textual body. */
export interface HttpAnswer {
  json: string;
  start: string;
}

/**
 * Reads at most `maxBodyBytes` of a body and closes the connection at that; the rest is never received. Text is kept as text,
 * anything else as base64. Headers and body together stay within `maxResultBytes` of JSON: the body gives way.
 */
export async function readAnswer(
  response: Dispatcher.ResponseData,
  facts: { url: string; redirects: number; startedAt: number },
  limits: { maxBodyBytes: number; maxResultBytes: number },
): Promise<HttpAnswer> {
  let { body, truncated } = await readUpTo(response.body, Math.min(limits.maxBodyBytes, limits.maxResultBytes));
  for (;;) {
    const text = textOf(body, truncated);
    const json = JSON.stringify({
      status: response.statusCode,
      headers: response.headers,
      ...(text === null ? { body_base64: body.toString("base64") } : { body: text }),
      body_truncated: truncated,
      url: facts.url,
      redirects: facts.redirects,
      duration_ms: Math.round(performance.now() - facts.startedAt),
    });
    if (Buffer.byteLength(json) <= limits.maxResultBytes || body.length === 0) return { json, start: text ?? "" };
    body = body.subarray(0, body.length >> 1);
    truncated = true;
  }
}

async function readUpTo(
  stream: Dispatcher.ResponseData["body"],
  max: number,
): Promise<{ body: Buffer; truncated: boolean }> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    // Leaving the loop destroys the stream, and with it the connection.
    if (size > max) return { body: Buffer.concat(chunks).subarray(0, max), truncated: true };
  }
  return { body: Buffer.concat(chunks), truncated: false };
}

/** The body as text, or null if it is not UTF-8; a character that the limit has cut in two is dropped. */
function textOf(body: Buffer, truncated: boolean): string | null {
  let end = body.length;
  if (truncated) {
    let start = end - 1;
    while (start >= 0 && end - start < 4 && (body[start]! & 0xc0) === 0x80) start--;
    if (start >= 0 && body[start]! >= 0xc0 && !isUtf8(body.subarray(start, end))) end = start;
  }
  const kept = body.subarray(0, end);
  return isUtf8(kept) ? kept.toString("utf8") : null;
}
