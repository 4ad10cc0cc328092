import { z } from "zod";
import { PROBLEMS, type ProblemCode, TaskerError } from "../../errors";
import { NAME } from "../../model/names";
import { batchBody, retryBody, startBody, submitBody } from "../../tasks/requests/request";
import { VERSION } from "../../version";
import { PERMISSIONS, type RouteId } from "../access/permissions";
import { PROBLEM_TEXTS } from "../problem-texts";
import { type Problem, problemOf } from "../request/problem";
import { taskQuery } from "../request/query";
import { NAMED } from "./answers";
import { exampleOf } from "./example";
import { type Answer, HEADERS, type Operation } from "./operation";
import { OPERATIONS } from "./operations";

/**
 * The OpenAPI 3.1 document, made from the schemas that check requests (tasks/requests/request.ts,
 * query.ts), those that describe answers (answers/), and the table of operations, which has to name
 * every route.
 */

type Schema = Record<string, unknown>;
export interface OpenApiDocument {
  openapi: "3.1.0";
  info: Record<string, unknown>;
  servers: Array<{ url: string }>;
  tags: Array<{ name: string }>;
  security: Array<Record<string, string[]>>;
  paths: Record<string, Record<string, OperationObject>>;
  components: Record<string, Record<string, Schema>>;
}
export interface OperationObject {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  security?: Array<Record<string, string[]>>;
  parameters?: Schema[];
  requestBody?: { required: boolean; content: Record<string, { schema: Schema; example: unknown }> };
  responses: Record<string, Schema>;
}

const REQUESTS = { TaskRequest: submitBody, StartRequest: startBody, BatchRequest: batchBody, RetryRequest: retryBody };
const CODES = Object.keys(PROBLEMS) as ProblemCode[];
const PROBLEM_JSON = "application/problem+json";

/** `/:taskType/:id` → `/{taskType}/{id}` */
export function templateOf(route: RouteId): { method: string; path: string } {
  const [method, path] = route.split(" ") as [string, string];
  return { method: method.toLowerCase(), path: path.replace(/:(\w+)/g, "{$1}") };
}

/** Codes that the route may answer with. */
export function codesOf(route: RouteId): ProblemCode[] {
  const operation = OPERATIONS[route];
  const permission = PERMISSIONS[route];
  const codes = new Set<ProblemCode>(["internal", ...(operation.problems ?? [])]);
  const add = (...more: ProblemCode[]) => more.forEach((code) => void codes.add(code));
  if (permission !== "public") add("unauthenticated", "forbidden", "rate_limited", "database_unavailable");
  if (route.includes("/:taskType")) add("unknown_task_type");
  if (route.includes(" /:taskType")) add("route_not_found");
  if (route.includes("/:id")) add("task_not_found");
  if (operation.body) add("malformed_json", "body_too_large", "unsupported_media_type", "invalid_request");
  if (operation.query || operation.waits) add("invalid_request");
  return CODES.filter((code) => codes.has(code));
}

export function openApiDocument(basePath = ""): OpenApiDocument {
  const schemas = componentSchemas();
  const paths: OpenApiDocument["paths"] = {};
  for (const route of Object.keys(OPERATIONS) as RouteId[]) {
    const { method, path } = templateOf(route);
    paths[path] ??= {};
    paths[path][method] = operationObject(route, OPERATIONS[route], schemas);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "tasker",
      version: VERSION,
      summary:
        "Send one task to many named endpoints and know exactly who has done it, who failed and who never answered.",
      description:
        "Fields may be added to answers: ignore what you do not know. In requests nothing unknown is taken. HEAD works wherever GET does.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: basePath === "" ? "/" : basePath }],
    tags: [...new Set(Object.values(OPERATIONS).map(({ tag }) => tag))].map((name) => ({ name })),
    security: [{ bearer: [] }, { apiKey: [] }, { basic: [] }, { session: [] }],
    paths,
    components: {
      schemas: schemas.named,
      responses: problemResponses(),
      examples: Object.fromEntries(
        CODES.map((code) => [code, { summary: PROBLEM_TEXTS[code].when, value: problemExample(code) }]),
      ),
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "Authorization: Bearer <key>" },
        apiKey: { type: "apiKey", in: "header", name: "X-Api-Key" },
        basic: { type: "http", scheme: "basic", description: "The key as password" },
        session: {
          type: "apiKey",
          in: "cookie",
          name: "tasker_session",
          description: "Made by POST /session; changes need X-CSRF-Token as well",
        },
      },
    },
  };
}

interface Schemas {
  named: Record<string, Schema>;
  /** The schema, or a reference to it where it has a name. */
  inline(schema: z.ZodType): Schema;
}

function componentSchemas(): Schemas {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries({ ...REQUESTS, ...NAMED })) registry.add(schema, { id });
  const inlined: z.ZodType[] = [];
  for (const { query, body, answers } of Object.values(OPERATIONS)) {
    const all = [query, body?.schema, ...Object.values(answers).flatMap(({ schema, also }) => [schema, also?.schema])];
    for (const schema of all) {
      if (schema === undefined || registry.has(schema) || inlined.includes(schema)) continue;
      registry.add(schema, { id: `inline-${inlined.push(schema) - 1}` });
    }
  }
  const { schemas } = z.toJSONSchema(registry, {
    // What may be sent is described as it is sent; answers are the same either way.
    io: "input",
    unrepresentable: "any",
    uri: (id) => `#/components/schemas/${id}`,
    override: ({ jsonSchema }) => {
      // A query's text that stands for something else: `meta` has said what.
      if (jsonSchema.type !== undefined && jsonSchema.anyOf) delete jsonSchema.anyOf;
      if (jsonSchema.type !== "string") delete jsonSchema.pattern;
    },
  });
  const clean = (id: string): Schema => {
    const { $schema: _, $id: _id, id: _name, ...schema } = schemas[id] as Schema;
    return schema;
  };
  const named = Object.fromEntries(Object.keys({ ...REQUESTS, ...NAMED }).map((id) => [id, clean(id)]));
  const inline = (schema: z.ZodType): Schema => {
    const { id } = registry.get(schema)!;
    return id in named ? { $ref: `#/components/schemas/${id}` } : clean(id);
  };
  return { named, inline };
}

function operationObject(route: RouteId, operation: Operation, schemas: Schemas): OperationObject {
  const { inline } = schemas;
  const permission = PERMISSIONS[route];
  const parameters = [...pathParameters(route), ...queryParameters(operation, inline), ...headerParameters(operation)];
  const { body } = operation;
  const responses: Record<string, Schema> = {};
  for (const [status, answer] of Object.entries(operation.answers)) responses[status] = answerObject(answer, schemas);
  for (const [status, codes] of byStatus(codesOf(route))) {
    const known = responses[status];
    if (known) (known.content as Schema)[PROBLEM_JSON] = problemContent(codes);
    else if (codes.length === 1) responses[status] = { $ref: `#/components/responses/${codes[0]}` };
    else responses[status] = { description: codes.join(", "), content: { [PROBLEM_JSON]: problemContent(codes) } };
  }
  return {
    operationId: operation.id,
    tags: [operation.tag],
    summary: operation.summary,
    ...(permission === "public" || permission === "session" ? {} : { description: `Scope: \`${permission}\`` }),
    ...(permission === "public" ? { security: [] } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body
      ? {
          requestBody: {
            required: !body.optional,
            content: { "application/json": { schema: inline(body.schema), example: body.example } },
          },
        }
      : {}),
    responses,
  };
}

function answerObject(answer: Answer, schemas: Schemas): Schema {
  const { description, schema, type = "application/json", headers = [], also } = answer;
  const header = (name: keyof typeof HEADERS) => [name, { description: HEADERS[name], schema: { type: "string" } }];
  const media = (of: z.ZodType, example?: unknown) => {
    const written = schemas.inline(of);
    return { schema: written, example: example ?? exampleOf(written, schemas.named) };
  };
  const content = schema && {
    [type]: media(schema, answer.example),
    ...(also ? { [also.type]: media(also.schema) } : {}),
  };
  return {
    description,
    ...(headers.length > 0 ? { headers: Object.fromEntries(headers.map(header)) } : {}),
    ...(content ? { content } : {}),
  };
}

const PATH: Record<string, Schema> = {
  taskType: { schema: { type: "string", pattern: NAME.source }, example: "app-update" },
  id: { schema: { type: "string", format: "uuid" } },
  endpoint: { schema: { type: "string" }, description: "Its name; `*`: the one response of a `deliver: one` task" },
  name: { schema: { type: "string", pattern: NAME.source }, example: "loadbalancer-1" },
};

function pathParameters(route: RouteId): Schema[] {
  return [...route.matchAll(/:(\w+)/g)].map(([, name]) => ({ name, in: "path", required: true, ...PATH[name!] }));
}

function queryParameters(operation: Operation, inline: (schema: z.ZodType) => Schema): Schema[] {
  const of = (schema: Schema) =>
    Object.entries((schema.properties ?? {}) as Record<string, Schema>).map(([name, one]) => {
      const { description, ...rest } = one;
      return {
        name,
        in: "query",
        ...(description === undefined ? {} : { description }),
        schema: rest,
        ...(rest.type === "array" ? { style: "form", explode: false } : {}),
      };
    });
  const free = { name: "payload", in: "query", style: "form", explode: true, schema: { type: "object" } };
  return [
    ...(operation.query ? of(inline(operation.query)) : []),
    ...(operation.waits ? of(z.toJSONSchema(taskQuery, { io: "input" }) as Schema).map(withoutPattern) : []),
    ...(operation.freeQuery ? [free] : []),
  ];
}

function withoutPattern(parameter: Schema): Schema {
  const { pattern: _, ...schema } = parameter.schema as Schema;
  return { ...parameter, schema };
}

function headerParameters(operation: Operation): Schema[] {
  const header = (name: string, description: string) => ({
    name,
    in: "header",
    description,
    schema: { type: "string" },
  });
  const about = {
    "If-None-Match": "An ETag: 304 when nothing has changed; with wait a long poll until it does",
    "Last-Event-ID": "Resume after this event",
  };
  return [
    ...(operation.waits ? [header("Prefer", "`wait=<seconds>`, as the parameter")] : []),
    ...(operation.headers ?? []).map((name) => header(name, about[name])),
  ];
}

function problemResponses(): Record<string, Schema> {
  const responses: Record<string, Schema> = {};
  for (const code of CODES) {
    const { when, remedy } = PROBLEM_TEXTS[code];
    responses[code] = {
      description: `${when}. What to do: ${remedy}`,
      content: { [PROBLEM_JSON]: problemContent([code]) },
    };
  }
  return responses;
}

function problemContent(codes: readonly ProblemCode[]): Schema {
  const examples = Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]));
  return { schema: { $ref: "#/components/schemas/Problem" }, examples };
}

function byStatus(codes: readonly ProblemCode[]): Map<string, ProblemCode[]> {
  const grouped = new Map<string, ProblemCode[]>();
  for (const code of codes) {
    const status = String(PROBLEMS[code]);
    grouped.set(status, [...(grouped.get(status) ?? []), code]);
  }
  return grouped;
}

function problemExample(code: ProblemCode): Problem {
  const error = new TaskerError(code, PROBLEM_TEXTS[code].title, {
    errors: code === "invalid_request" ? [{ pointer: "#/endpoints", detail: "must name each endpoint once" }] : [],
  });
  return problemOf(error, { instance: "/app-update", requestId: "4be1a0c2d3e4-2f", traceId: null, basePath: "" });
}
