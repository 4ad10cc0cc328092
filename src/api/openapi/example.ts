type Schema = Record<string, unknown>;

/** What stands for a format; a schema's own `example` goes before it. */
const BY_FORMAT: Record<string, string> = {
  "date-time": "2030-01-31T12:00:00.000Z",
  uuid: "019a8f3e-5c1a-7cc2-9d1e-2b6f8a4c7e10",
};
const BY_TYPE: Record<string, unknown> = { string: "…", integer: 1, number: 1, boolean: false };

/**
 * A value that the JSON schema takes: the first of what it allows, with every field that is
 * required. Where nothing may stand instead of a plain value, nothing does.
 *
 * @param named the schemas that `#/components/schemas/…` refers to
 */
export function exampleOf(schema: Schema, named: Record<string, Schema>): unknown {
  const { example, $ref, const: only, enum: values, type, items, properties, required } = schema;
  if (example !== undefined) return example;
  if (typeof $ref === "string") return exampleOf(named[$ref.split("/").at(-1)!]!, named);
  const variants = (schema.anyOf ?? schema.oneOf) as Schema[] | undefined;
  if (variants) {
    const plain = variants.every((one) => one.$ref === undefined && one.properties === undefined);
    return plain && variants.some((one) => one.type === "null") ? null : exampleOf(variants[0]!, named);
  }
  if (only !== undefined || values) return only ?? (values as unknown[])[0];
  if (type === "array") return [exampleOf(items as Schema, named)];
  if (properties) {
    const of = (name: string) => [name, exampleOf((properties as Record<string, Schema>)[name]!, named)];
    return Object.fromEntries(((required ?? []) as string[]).map(of));
  }
  return BY_FORMAT[String(schema.format)] ?? BY_TYPE[String(type)] ?? (type === "object" ? {} : null);
}
