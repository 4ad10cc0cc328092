import { openApiDocument } from "../openapi/document";
import { apiPage, problemsPage, STYLE_HASH } from "../openapi/page";
import type { Call } from "../request/call";
import type { Reply } from "../request/reply";

/** What is the same for every request: made at the first one. */
const made = new Map<string, string>();

function once(key: string, make: () => string): string {
  const known = made.get(key) ?? make();
  made.set(key, known);
  return known;
}

/** `GET /openapi.json` */
export async function openapi(call: Call): Promise<Reply> {
  const { basePath } = call.api;
  return {
    status: 200,
    headers: CACHED,
    body: once(`json ${basePath}`, () => JSON.stringify(openApiDocument(basePath))),
  };
}

/** `GET /docs` → the same, for people. */
export async function docs(call: Call): Promise<Reply> {
  const { basePath } = call.api;
  return htmlPage(once(`page ${basePath}`, () => apiPage(openApiDocument(basePath))));
}

/** `GET /docs/problems` → where the `type` of every problem leads. */
export async function docsProblems(): Promise<Reply> {
  return htmlPage(once("problems", problemsPage));
}

const CACHED = ["Cache-Control", "no-cache"];

function htmlPage(body: string): Reply {
  return {
    status: 200,
    contentType: "text/html; charset=utf-8",
    headers: CACHED,
    policy: POLICY,
    body,
  };
}

const POLICY = `default-src 'none'; style-src '${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
