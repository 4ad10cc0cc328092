import { constants, createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from "node:zlib";

/** A body, and whether more of it follows that is not kept. */
export interface Bytes {
  body: Buffer;
  truncated: boolean;
}

/** More than anybody means; each may blow the body up by a thousand. */
const MAX_CODINGS = 4;

/** Reads at most `max` bytes of a stream and ends it at that: the rest is never received. */
export async function readUpTo(stream: AsyncIterable<Buffer>, max: number): Promise<Bytes> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    size += chunk.length;
    // Leaving the loop destroys the stream, and with it the connection.
    if (size > max) return { body: Buffer.concat(chunks).subarray(0, max), truncated: true };
  }
  return { body: Buffer.concat(chunks), truncated: false };
}

/**
 * The body without the codings it was sent in (`gzip`, `deflate`, `br`, also several; the last one
 * was applied last), at most `max` bytes. Null if there is nothing to undo, or something that is
 * not understood: then the body stays as it was received.
 */
export async function unpacked(packed: Bytes, codings: readonly string[], max: number): Promise<Bytes | null> {
  const known = codings.filter((coding) => coding !== "identity");
  if (known.length === 0 || known.length > MAX_CODINGS || packed.body.length === 0) return null;
  let { body, truncated } = packed;
  for (const coding of known.reverse()) {
    const decoder = decoderOf(coding, body, truncated);
    if (decoder === null) return null;
    decoder.end(body);
    try {
      const plain = await readUpTo(decoder, max);
      body = plain.body;
      truncated ||= plain.truncated;
    } catch {
      return null;
    }
  }
  return { body, truncated };
}

/**
 * `truncated`: its end is missing on purpose, so it gives what its beginning holds; otherwise a
 * missing end is an error.
 */
function decoderOf(coding: string, body: Buffer, truncated: boolean) {
  const zlib = { finishFlush: truncated ? constants.Z_SYNC_FLUSH : constants.Z_FINISH };
  switch (coding) {
    case "gzip":
    case "x-gzip":
      return createGunzip(zlib);
    case "deflate":
      // Meant is zlib's form; some servers send it bare.
      return isZlib(body) ? createInflate(zlib) : createInflateRaw(zlib);
    case "br":
      return createBrotliDecompress(truncated ? { finishFlush: constants.BROTLI_OPERATION_FLUSH } : {});
    default:
      return null;
  }
}

/** The first two bytes name the method and are a multiple of 31. */
function isZlib(body: Buffer): boolean {
  return body.length > 1 && (body[0]! & 15) === 8 && body.readUInt16BE(0) % 31 === 0;
}
