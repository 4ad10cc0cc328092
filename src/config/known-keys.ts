import { z } from "zod";
import type { Path } from "./loading/layers";
import { configSchema } from "./schema";

/** The keys that may stand in the section at a path, in the order of the schema; [] where any may, or none. */
export function knownKeys(path: Path): readonly string[] {
  let schema: unknown = configSchema;
  for (const step of path) schema = inside(unwrapped(schema), step);
  const here = unwrapped(schema);
  return here instanceof z.ZodObject ? Object.keys(here.shape) : [];
}

function inside(schema: unknown, step: string | number): unknown {
  if (schema instanceof z.ZodObject) return schema.shape[step];
  if (schema instanceof z.ZodRecord) return schema.valueType;
  if (schema instanceof z.ZodArray) return schema.element;
  return undefined;
}

function unwrapped(schema: unknown): unknown {
  return schema instanceof z.ZodOptional ? unwrapped(schema.unwrap()) : schema;
}
