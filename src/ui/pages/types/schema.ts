import type { Json } from "../../../client/types";

/** The part of JSON Schema that a form can show; other schemas are edited as JSON. */
export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  default?: Json;
  examples?: Json[];
  enum?: Json[];
  const?: Json;
  format?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
}

/** The initial values: defaults, first examples, else empty. Optional fields are omitted. */
export function exampleOf(schema: Schema): Json {
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (schema.examples?.[0] !== undefined) return schema.examples[0];
  if (schema.enum) return schema.enum[0] ?? null;
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type) {
    case "object":
    case undefined: {
      const fields = Object.entries(schema.properties ?? {}).filter(
        ([name, part]) => schema.required?.includes(name) || part.default !== undefined,
      );
      return Object.fromEntries(fields.map(([name, part]) => [name, exampleOf(part)]));
    }
    case "array":
      return [];
    case "string":
      return "";
    case "integer":
    case "number":
      return schema.minimum ?? 0;
    case "boolean":
      return false;
    default:
      return null;
  }
}
