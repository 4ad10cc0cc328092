import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import { type ExactJson, type ExactJsonObject, ExactNumber, parseExact, setMember } from "../model/json/exact-json";
import type { JsonObject } from "../model/json/json";
import { placeOfFault } from "../model/json/json-fault";
import { usage } from "./failure";

/**
 * The payload of `--payload` ('{…}', @file, or - for standard input) with each `--set name=value`
 * added. Numbers stay as they were written. Throws CliError.
 */
export function payloadOf(given: string | undefined, sets: readonly string[] = []): JsonObject | undefined {
  if (given === undefined && sets.length === 0) return undefined;
  const payload = given === undefined ? {} : parsePayload(textOf(given));
  for (const set of sets) {
    const equals = set.indexOf("=");
    if (equals < 1) throw usage(`--set ${JSON.stringify(set)} is not name=value`, "write --set name=value");
    setMember(payload, set.slice(0, equals), fieldValue(set.slice(equals + 1)));
  }
  // The client writes exact numbers as they were read.
  return payload as JsonObject;
}

function textOf(given: string): string {
  if (given !== "-" && !given.startsWith("@")) return given;
  const [source, file] = given === "-" ? ["standard input", 0] : [given.slice(1), given.slice(1)];
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw usage(`The payload cannot be read from ${source}: ${(error as Error).message}`);
  }
  const mark = byteOrderMark(bytes);
  if (mark !== null) {
    throw usage(`The payload from ${source} begins with ${mark}`, "save it as UTF-8 without a byte order mark");
  }
  if (!isUtf8(bytes)) {
    throw usage(
      `The payload from ${source} is not valid UTF-8: the byte ${firstBadByte(bytes)}`,
      "save it as UTF-8 (iconv -f latin1 -t utf-8)",
    );
  }
  return bytes.toString("utf8");
}

function byteOrderMark(bytes: Buffer): string | null {
  const start = bytes.subarray(0, 3).toString("hex");
  if (start === "efbbbf") return "a byte order mark (U+FEFF), which no JSON has";
  if (start.startsWith("fffe") || start.startsWith("feff")) return "the byte order mark of UTF-16";
  return null;
}

/** `0xff at offset 12`. */
function firstBadByte(bytes: Buffer): string {
  const kept = Buffer.from(bytes.toString("utf8"));
  const at = bytes.findIndex((byte, i) => byte !== kept[i]);
  return `0x${bytes[at]!.toString(16).padStart(2, "0")} at offset ${at}`;
}

function parsePayload(text: string): ExactJsonObject {
  let value: ExactJson;
  try {
    value = parseExact(text);
  } catch {
    throw usage(
      text.startsWith("\ufeff")
        ? "The payload begins with a byte order mark (U+FEFF), which no JSON has"
        : `The payload is not JSON: ${placeOfFault(text)}`,
      `put it in quotes: --payload '{"name": "value"}', or --payload @file.json`,
    );
  }
  if (value === null || typeof value !== "object" || Array.isArray(value) || value instanceof ExactNumber) {
    throw usage("The payload must be a JSON object", `--payload '{"name": "value"}'`);
  }
  return value;
}

/** `--set count=3` sets a number, `--set name=Ann` a text: a value that is JSON is read as JSON. */
function fieldValue(text: string): ExactJson {
  try {
    return parseExact(text);
  } catch {
    return text;
  }
}
