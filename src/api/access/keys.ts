import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/**
 * The text of an API key: `tsk_<id>_<secret>`. The id finds its record, the secret (256 random
 * bits) proves it; only the secret's SHA-256 is stored. A plain digest is enough: nobody guesses
 * 256 bits.
 */
const KEY = /^tsk_([a-z0-9]{4,64})_([A-Za-z0-9-]{20,256})$/;

export interface NewApiKey {
  id: string;
  /** Shown once, never stored. */
  text: string;
  /** SHA-256 (hex) of the secret. */
  hash: string;
}

export function newApiKey(): NewApiKey {
  const id = randomBytes(6).toString("hex");
  const secret = randomBytes(32).toString("hex");
  return { id, text: `tsk_${id}_${secret}`, hash: digest(secret).toString("hex") };
}

/** Null: it has not the form of a stored key (it may still be one of the config's). */
export function splitKey(text: string): { id: string; secret: string } | null {
  const parts = KEY.exec(text);
  return parts ? { id: parts[1]!, secret: parts[2]! } : null;
}

export function digest(secret: string): Buffer {
  return createHash("sha256").update(secret, "utf8").digest();
}

/** Whether `hash` (hex, also `sha256:…`) is the digest, compared in constant time. */
export function sameDigest(hash: string, presented: Buffer): boolean {
  const stored = Buffer.from(hash.replace(/^sha256:/i, ""), "hex");
  return stored.length === presented.length && timingSafeEqual(stored, presented);
}
