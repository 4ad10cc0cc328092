import type { Json } from "../../../client/types";

/** As much of JSON Schema as a form can be made of; anything else is written as JSON. */
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

/** What the form begins with: defaults, first examples, else the emptiest value; optional fields are left out. */
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
