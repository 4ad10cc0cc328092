import { createHmac, timingSafeEqual } from "node:crypto";

/**
 * Writers of tasks sign a message; holders of the store's key verify it: HMAC-SHA256 over all bytes
 * after the signature. With access to the broker alone no message can be made or changed.
 *
 *   {"seal":"<44 characters of base64>",<rest>
 */
const BEGIN = '{"seal":"';
const LENGTH = 44;
const END = '",';
const REST_AT = BEGIN.length + LENGTH + END.length;

/** @param rest the JSON text of an object after its opening brace */
export function signed(rest: string, key: string): string {
  return `${BEGIN}${digest(rest, key).toString("base64")}${END}${rest}`;
}

export function isSigned(json: string, key: string): boolean {
  if (!json.startsWith(BEGIN) || json.length <= REST_AT) return false;
  const given = Buffer.from(json.slice(BEGIN.length, BEGIN.length + LENGTH), "base64");
  const expected = digest(json.slice(REST_AT), key);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function digest(text: string, key: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
