import { hash } from "node:crypto";
import { ExactNumber, mayHoldExactNumbers, parseExact } from "../../model/json/exact-json";
import type { SubmitBody } from "./request";

/** The fields of a request except its identifier, in the order in which they are hashed. */
const HASHED = [
  ...["attempts", "delay_until", "endpoints", "payload"],
  ...["priority", "timeout", "wait_for_endpoints_timeout"],
] as ReadonlyArray<Exclude<keyof SubmitBody, "identifier">>;

/**
 * SHA-256 of the request, equal for requests with the same meaning: the order of keys and endpoints
 * does not count. Numbers count by their exact values: 1.10 equals 1.1, and 9007199254740993
 * differs from 9007199254740992.
 *
 * @param payloadText the payload as sent; null: unknown, or no payload
 */
export function hashOf(request: SubmitBody, payloadText: string | null = null): string {
  const exact = payloadText !== null && mayHoldExactNumbers(payloadText) ? parseExact(payloadText) : null;
  let text = "";
  for (const key of HASHED) {
    let value: unknown = request[key];
    if (key === "payload") value = exact ?? value ?? {};
    else if (key === "endpoints" && request.endpoints) value = [...request.endpoints].sort();
    if (value !== undefined) text += `${text ? "," : ""}"${key}":${canonical(value)}`;
  }
  return hash("sha256", `{${text}}`, "hex");
}

function canonical(value: unknown): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value instanceof ExactNumber) return canonicalNumber(value);
  const keys = Object.keys(value);
  if (keys.length > 1) keys.sort();
  let text = "";
  for (const key of keys) {
    const item = (value as Record<string, unknown>)[key];
    if (item !== undefined) text += `${text ? "," : ""}${JSON.stringify(key)}:${canonical(item)}`;
  }
  return `{${text}}`;
}

/** One text for one value. A value that is exactly a double is written as JavaScript writes it. */
function canonicalNumber(number: ExactNumber): string {
  const double = Number(number);
  const exact = scientific(number.source);
  return Number.isFinite(double) && scientific(String(double)) === exact ? String(double + 0) : exact;
}

const PARTS = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** Sign, digits without outer zeros, and the exponent of the last digit: `-123e-2` for -1.230. */
function scientific(source: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = PARTS.exec(source)!;
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  const shift = digits.length - significant.length - fraction.length;
  // A longer exponent is no safe integer: it is compared as text.
  const power = exponent.length > 15 ? `${exponent}${shift < 0 ? "" : "+"}${shift}` : Number(exponent) + shift;
  return `${sign}${significant}e${power}`;
}
