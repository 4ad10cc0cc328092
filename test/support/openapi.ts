import Ajv2020, { type ValidateFunction } from "ajv/dist/2020";
import addFormats from "ajv-formats";
import { codesOf, type OpenApiDocument, openApiDocument, templateOf } from "../../src/api/openapi/document";
import { Router } from "../../src/api/request/router";
import { ROUTES } from "../../src/api/routes";
import { RESERVED_TYPE_NAMES } from "../../src/model/names";

/**
 * Holds answers against the OpenAPI document. For tests the document's objects are closed: a field that an answer has and the
 * document does not name is a fault, too.
 */
type Tree = { [key: string]: unknown };

export interface Seen {
  method: string;
  /** With its query, without the base path. */
  path: string;
  status: number;
  contentType: string | null;
  text: string;
}

const document = closed(openApiDocument()) as OpenApiDocument;
const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats(ajv);
ajv.addSchema({ $id: "openapi", ...document });
const validators = new Map<string, ValidateFunction>();

const router = new Router(ROUTES, RESERVED_TYPE_NAMES);

/** The route that answers, as the document names it; null: none does. */
export function routeOf(method: string, path: string) {
  const found = router.find(method, path.split("?")[0]!);
  return found && { route: found.route, ...templateOf(found.route) };
}

/** Throws an Error that says what differs from the document. Addresses that no route takes must answer a problem. */
export function checkAnswer({ method, path, status, contentType, text }: Seen): void {
  if (/^(\/|\/ui(\/.*)?)?(\?.*)?$/.test(path)) return;
  const known = routeOf(method, path);
  const type = contentType?.split(";")[0] ?? null;
  const fault = (what: string) =>
    new Error(
      `${method} ${path} answered ${status} ${type}, against the OpenAPI document: ${what}\n${text.slice(0, 1000)}`,
    );
  const problem = type === "application/problem+json";
  if (problem && method !== "HEAD") {
    const { code, status: told } = JSON.parse(text) as { code: string; status: number };
    if (told !== status) throw fault(`the problem says ${told}`);
    if (known && !codesOf(known.route).includes(code as never))
      throw fault(`${code} is not documented for ${known.route}`);
  }
  if (!known) {
    if (!problem && method !== "HEAD") throw fault("no route is documented there");
    return;
  }
  const operation = document.paths[known.path]![known.method.toLowerCase()]!;
  const named = operation.responses[String(status)] as Tree | undefined;
  if (!named) throw fault(`the status is not documented for ${known.route}`);
  const reference = named.$ref as string | undefined;
  const response = reference ? (document.components.responses![reference.split("/").at(-1)!] as Tree) : named;
  const content = response.content as Record<string, Tree> | undefined;
  if (method === "HEAD" || status === 304) return;
  if (!content) throw fault("no body is documented");
  if (type === null || !content[type])
    throw fault(`the media type is not documented (${Object.keys(content).join(", ")})`);
  if (!/json/.test(type)) return;
  const at = reference
    ? `openapi${reference}/content/${escaped(type)}/schema`
    : `openapi#/paths/${escaped(known.path)}/${known.method.toLowerCase()}/responses/${status}/content/${escaped(type)}/schema`;
  const validate = validatorAt(at);
  if (!validate(JSON.parse(text))) throw fault(ajv.errorsText(validate.errors, { separator: "\n" }));
}

/** Whether `value` is as the schema at the document's pointer (`#/components/…`) says; else what differs. */
export function faultsAt(pointer: string, value: unknown): string | null {
  const validate = validatorAt(`openapi${pointer}`);
  return validate(value) ? null : ajv.errorsText(validate.errors, { separator: "\n" });
}

function validatorAt(ref: string): ValidateFunction {
  const known = validators.get(ref) ?? ajv.compile({ $ref: ref });
  validators.set(ref, known);
  return known;
}

function escaped(step: string): string {
  return encodeURIComponent(step.replace(/~/g, "~0").replace(/\//g, "~1"));
}

function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (value === null || typeof value !== "object") return value;
  const tree = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, closed(inner)])) as Tree;
  if (tree.type === "object" && tree.properties && tree.additionalProperties === undefined)
    tree.additionalProperties = false;
  return tree;
}

/** As global fetch, and every answer but a stream is held against the document. */
export async function checkedFetch(
  base: string,
  path: string,
  init: RequestInit = {},
): Promise<{ answer: Response; text: string }> {
  const answer = await fetch(base + path, init);
  const text = await answer.text();
  const contentType = answer.headers.get("content-type");
  checkAnswer({ method: init.method ?? "GET", path, status: answer.status, contentType, text });
  return { answer, text };
}
