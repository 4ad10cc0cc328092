/**
 * Remembers the JSON text from which an object was parsed, so that it can be stored as it came: numbers beyond 2^53, `1.0`
 * and key order survive, and nothing is written twice. Forgotten together with the object.
 */
const texts = new WeakMap<object, string>();

export function keepText(value: object, text: string): void {
  texts.set(value, text);
}

/** Undefined: it did not come as text. */
export function textOf(value: unknown): string | undefined {
  return value !== null && typeof value === "object" ? texts.get(value) : undefined;
}
