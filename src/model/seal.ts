import { createHmac, timingSafeEqual } from "node:crypto";

/**
 * A message is sealed by who may write tasks, for who may read the key in the store: HMAC-SHA256 over all that follows the seal.
 * Whoever can reach the broker only can neither make one nor change one.
 *
 *   {"seal":"<44 characters of base64>",<rest>
 */
const BEGIN = '{"seal":"';
const LENGTH = 44;
const END = '",';
const IDLE_FACTOR = BEGIN.length + LENGTH + END.length;

/** @param rest the JSON text of an object after its opening brace */
export function sealed(rest: string, key: string): string {
  return `${BEGIN}${digest(rest, key).toString("base64")}${END}${rest}`;
}

export function isSealed(json: string, key: string): boolean {
  if (!json.startsWith(BEGIN) || json.length <= IDLE_FACTOR) return false;
  const said = Buffer.from(json.slice(BEGIN.length, BEGIN.length + LENGTH), "base64");
  const made = digest(json.slice(IDLE_FACTOR), key);
  return said.length === made.length && timingSafeEqual(said, made);
}

function digest(text: string, key: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
