import { PERMISSIONS, type RouteId } from "../../../src/api/access/permissions";
import { codesOf, type OperationObject, openApiDocument, templateOf } from "../../../src/api/openapi/document";
import { PROBLEMS } from "../../../src/errors";
import { faultsAt } from "../../support/openapi";
import { startTestApi, type TestApi } from "../support";

const document = openApiDocument();
const routes = Object.keys(PERMISSIONS) as RouteId[];
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

describe("the OpenAPI document", () => {
  test("names every route, and no other", () => {
    const told = operations.map(({ path, method }) => `${method} ${path}`);
    const served = routes.map((route) => templateOf(route)).map(({ method, path }) => `${method} ${path}`);
    expect(told.sort()).toEqual(served.sort());
  });

  test("gives every operation a name of its own, a summary, and declares each parameter of its path", () => {
    const names = operations.map(({ operation }) => operation.operationId);
    expect(new Set(names).size).toBe(names.length);
    for (const { path, operation } of operations) {
      expect(operation.summary).not.toBe("");
      const declared = (operation.parameters ?? []).filter((one) => one.in === "path").map((one) => one.name);
      expect(declared).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
    }
  });

  test("asks for a key exactly where the routes do", () => {
    for (const route of routes) {
      const { method, path } = templateOf(route);
      const open = document.paths[path]![method]!.security?.length === 0;
      expect([route, open]).toEqual([route, PERMISSIONS[route] === "public"]);
    }
  });

  test("has no reference that leads nowhere", () => {
    for (const [, pointer] of JSON.stringify(document).matchAll(/"\$ref":"#([^"]+)"/g)) {
      const found = pointer!
        .split("/")
        .slice(1)
        .reduce<unknown>((at, step) => (at as Record<string, unknown>)?.[step], document);
      expect([pointer, typeof found]).toEqual([pointer, "object"]);
    }
  });

  test("has an example for every body it takes and every JSON it answers, each as its schema says", () => {
    for (const { path, method, operation } of operations) {
      for (const [pointer, one] of contents(path, method, operation)) {
        expect([pointer, one.example !== undefined || one.examples !== undefined]).toEqual([pointer, true]);
        if (one.example !== undefined)
          expect([pointer, faultsAt(`${pointer}/schema`, one.example)]).toEqual([pointer, null]);
      }
    }
  });

  test("has an example and an explanation for every problem, and each problem belongs to some operation", () => {
    for (const [code, status] of Object.entries(PROBLEMS)) {
      const { value } = document.components.examples![code] as { value: { code: string; status: number } };
      expect([value.code, value.status]).toEqual([code, status]);
      expect(faultsAt("#/components/schemas/Problem", value)).toBeNull();
      expect(routes.some((route) => codesOf(route).includes(code as never))).toBe(true);
    }
  });
});

function contents(path: string, method: string, operation: OperationObject) {
  const step = (text: string) => encodeURIComponent(text.replace(/~/g, "~0").replace(/\//g, "~1"));
  const at = `#/paths/${step(path)}/${method}`;
  type Content = Record<string, { example?: unknown; examples?: unknown }>;
  const all: Array<[string, Content]> = [
    [`${at}/requestBody/content`, (operation.requestBody?.content ?? {}) as Content],
  ];
  for (const [status, response] of Object.entries(operation.responses)) {
    all.push([`${at}/responses/${status}/content`, (response.content ?? {}) as Content]);
  }
  return all.flatMap(([pointer, content]) =>
    Object.entries(content)
      .filter(([type]) => type.includes("json"))
      .map(([type, one]) => [`${pointer}/${step(type)}`, one] as const),
  );
}

describe("over HTTP", () => {
  let t: TestApi;
  beforeAll(async () => {
    t = await startTestApi({ basePath: "/tasker" });
  });
  afterAll(() => t.stop());

  test("the document knows under which path the API is served, and needs no key", async () => {
    const answer = await t.call("GET", "/openapi.json");
    expect(answer.status).toBe(200);
    expect(answer.body.servers).toEqual([{ url: "/tasker" }]);
  });

  test("the page names every operation and asks nothing of another host", async () => {
    const { text, headers } = await t.call("GET", "/docs");
    for (const { operation } of operations) expect(text).toContain(`id="${operation.operationId}"`);
    expect(text).not.toMatch(/<script|https?:\/\/|src=/);
    expect(headers.get("content-security-policy")).toMatch(/^default-src 'none'; style-src 'sha256-/);
  });

  test("the type of a problem leads to its paragraph", async () => {
    const { body } = await t.call("GET", "/nothing-like-it");
    const [path, code] = body.type.replace("/tasker", "").split("#");
    const { text } = await t.call("GET", path);
    expect(text).toContain(`<tr id="${code}">`);
  });
});
