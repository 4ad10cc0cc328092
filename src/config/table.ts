import { z } from "zod";
import type { Json } from "../model/json/json";

/**
 * The building blocks of keys.ts. Each key of the config stands there once: its schema, its field
 * in the `Config`, its default and its meaning. The checks, the completed config, `config print`
 * and docs/reference/config.md follow from it.
 */
export interface Key<Field extends string = string, Value = unknown, Default = unknown> {
  /** Its name in the completed config. */
  field: Field;
  /** Its `error` texts continue "allowed: …". */
  schema: z.ZodType<Value>;
  /** The value where the key is left out; REQUIRED: it may not be. */
  fallback: Default;
  /** One sentence or less, for the reference page. */
  meaning: string;
  /** The value as `config print` shows it; undefined: not shown. */
  show(value: Value | Exclude<Default, typeof REQUIRED>): Json | undefined;
  /**
   * The keys inside, of a mapping, of each element of a list, or of each entry of a map by name.
   */
  inner?: Inner;
}

export interface Inner {
  keys: Section;
  as: "mapping" | "list" | "map";
}

export type Section = Readonly<Record<string, Key>>;

export const REQUIRED = Symbol("required");

/** A section as the program sees it: every key has its field, with a value or its default. */
export type Complete<S extends Section> = {
  [Name in keyof S as S[Name]["field"]]: S[Name] extends Key<string, infer Value, infer Default>
    ? Value | Exclude<Default, Value | typeof REQUIRED>
    : never;
};

type Show<Value> = (value: Value) => Json | undefined;

export function key<Field extends string, Value, Default extends Value | null | typeof REQUIRED>(
  field: Field,
  schema: z.ZodType<Value>,
  fallback: Default,
  meaning: string,
  show: Show<Value | Exclude<Default, typeof REQUIRED>> = (value) => (value === null ? "none" : (value as Json)),
): Key<Field, Value, Default> {
  return { field, schema, fallback, meaning, show };
}

/** A mapping inside a section, read as a whole. */
export function group<Field extends string, S extends Section, Default extends Complete<S> | null>(
  field: Field,
  keys: S,
  fallback: Default,
  show: Show<Complete<S> | Default> = hidden,
): Key<Field, Complete<S>, Default> {
  const schema = schemaOf(keys).transform((written) => complete(keys, written));
  return { field, schema, fallback, meaning: "", show, inner: { keys, as: "mapping" } };
}

export const hidden = (): undefined => undefined;

const mapping = (issue: { code?: string }) => (issue.code === "invalid_type" ? "a mapping (key: value)" : undefined);

/** Accepts what may be written in a section. Adds no defaults: what was given stays known. */
export function schemaOf(keys: Section): z.ZodType<Record<string, unknown>> {
  const shape = Object.entries(keys).map(([name, { schema, fallback }]) => [
    name,
    fallback === REQUIRED ? schema : schema.optional(),
  ]);
  return z.strictObject(Object.fromEntries(shape), { error: mapping });
}

/** A section as it was parsed → with its defaults, under the names of its fields. */
export function complete<S extends Section>(keys: S, written: object = {}): Complete<S> {
  const given = written as Record<string, unknown>;
  const fields = Object.entries(keys).map(([name, { field, fallback }]) => {
    const value = given[name];
    return [field, value === undefined ? fallback : value];
  });
  return Object.fromEntries(fields) as Complete<S>;
}

/** The keys that may stand in the section at a path; [] where any may, or none. */
export function keysAt(root: Section, path: ReadonlyArray<string | number>): string[] {
  let at: Inner | undefined = { keys: root, as: "mapping" };
  for (const step of path) {
    if (at === undefined) return [];
    at = at.as === "mapping" ? at.keys[step]?.inner : { keys: at.keys, as: "mapping" };
  }
  return at?.as === "mapping" ? Object.keys(at.keys) : [];
}
