import { STYLE_HASH } from "../openapi/page";
import type { Call } from "../request/call";
import type { Reply } from "../request/reply";

const HEADERS = ["Cache-Control", "no-cache"];
const POLICY = `default-src 'none'; style-src '${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** `GET /openapi.json` */
export async function openapi({ api }: Call): Promise<Reply> {
  return { status: 200, headers: HEADERS, body: api.docs.json() };
}

/** `GET /docs` → the same, for people. */
export async function docs({ api }: Call): Promise<Reply> {
  return htmlPage(api.docs.page());
}

/** `GET /docs/problems` → where the `type` of every problem leads. */
export async function docsProblems({ api }: Call): Promise<Reply> {
  return htmlPage(api.docs.problems());
}

function htmlPage(body: string): Reply {
  return { status: 200, contentType: "text/html; charset=utf-8", headers: HEADERS, policy: POLICY, body };
}
