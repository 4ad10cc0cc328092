import Ajv, { type Options } from "ajv/dist/2020";
import type { SchemaValidateFunction } from "ajv/dist/types";
import addFormats from "ajv-formats";

/** Compiles payload schemas. Their checks take time linear in the size of the payload. */
export function payloadAjv(options: Options): Ajv {
  const ajv = new Ajv(options);
  addFormats(ajv);
  // Ajv's own keyword compares every pair of items, unless the schema says that all are scalars.
  ajv.removeKeyword("uniqueItems");
  ajv.addKeyword({ keyword: "uniqueItems", type: "array", schemaType: "boolean", validate: uniqueItems, errors: true });
  return ajv;
}

const uniqueItems: SchemaValidateFunction = (wanted: boolean, items: unknown[]): boolean => {
  if (!wanted) return true;
  const seen = new Map<string, number>();
  for (const [i, item] of items.entries()) {
    const text = canonical(item);
    const j = seen.get(text);
    if (j !== undefined) {
      const message = `must NOT have duplicate items (items ## ${j} and ${i} are identical)`;
      uniqueItems.errors = [{ keyword: "uniqueItems", message, params: { i, j } }];
      return false;
    }
    seen.set(text, i);
  }
  return true;
};

/** The same text for all values that JSON Schema calls equal, whatever the order of members. */
function canonical(value: unknown): string {
  if (typeof value === "number") return String(value);
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`);
  return `{${members.sort().join(",")}}`;
}
