import { createHash } from "node:crypto";
import { PROBLEMS, type ProblemCode } from "../../errors";
import { PROBLEM_TEXTS } from "../problem-texts";
import type { OpenApiDocument, OperationObject } from "./document";

/** The document and the problems as pages: plain HTML, without scripts or other hosts. */

const STYLE = `
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--link:light-dark(#0550ae,#79b8ff)}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:68rem;padding:1rem}
a{color:var(--link)}h1{font-size:1.6rem}h2{margin-top:2.5rem}h3{margin:2rem 0 .3rem;font-size:1.05rem}
code,pre{font:.875em/1.45 ui-monospace,monospace}pre{background:var(--soft);padding:.7rem;overflow:auto;border-radius:6px;max-height:30rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line)}
nav ul{columns:20rem;padding-left:1.1rem}summary{cursor:pointer;padding:.15rem 0}.method{font-weight:700}
section{border-top:1px solid var(--line)}:target{background:var(--soft)}
`;

/** For the Content-Security-Policy: this one style and nothing else. */
export const STYLE_HASH = `sha256-${createHash("sha256").update(STYLE).digest("base64")}`;

export function apiPage(document: OpenApiDocument): string {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const contents: string[] = [];
  const sections: string[] = [];
  for (const { name } of document.tags) {
    const own = operations.filter(({ operation }) => operation.tags.includes(name));
    contents.push(`<h3>${escaped(name)}</h3><ul>${own.map(contentLine).join("")}</ul>`);
    sections.push(`<h2>${escaped(name)}</h2>${own.map(section).join("")}`);
  }
  const schemas = Object.entries(document.components.schemas!).map(
    ([id, schema]) =>
      `<details id="schema-${escaped(id)}"><summary><code>${escaped(id)}</code></summary>${pre(schema)}</details>`,
  );
  return html(
    "tasker: HTTP API",
    `<p>${escaped(String(document.info.summary))} <a href="openapi.json">openapi.json</a> · <a href="docs/problems">problems</a></p>
<p>${inline(String(document.info.description))}</p>
<nav>${contents.join("")}</nav>${sections.join("")}<h2>Schemas</h2>${schemas.join("")}`,
  );
}

export function problemsPage(): string {
  const rows = (Object.keys(PROBLEMS) as ProblemCode[]).map((code) => {
    const { title, when, remedy } = PROBLEM_TEXTS[code];
    return `<tr id="${code}"><td><code>${code}</code></td><td>${PROBLEMS[code]}</td><td><b>${escaped(title)}</b>: ${inline(when)}</td><td>${inline(remedy)}</td></tr>`;
  });
  return html(
    "tasker: problems",
    `<p>Errors are <code>application/problem+json</code> (RFC 9457). <code>code</code> and <code>status</code> are stable, <code>title</code> and <code>detail</code> are for people;
<code>errors</code> has each fault of a request, <code>request_id</code> finds the request in the server's log. <a href="../docs">The API</a></p>
<table><thead><tr><th>code</th><th>status</th><th>when</th><th>what to do</th></tr></thead><tbody>${rows.join("")}</tbody></table>`,
  );
}

interface Line {
  path: string;
  method: string;
  operation: OperationObject;
}

function contentLine({ path, method, operation }: Line): string {
  return `<li><a href="#${operation.operationId}"><code>${method} ${escaped(path)}</code></a></li>`;
}

function section({ path, method, operation }: Line): string {
  const { operationId, summary, description, parameters = [], requestBody, responses } = operation;
  const body = requestBody?.content["application/json"];
  const fields = parameters.map((one) => {
    const { name, in: where, required, description: about, schema } = one as Record<string, string>;
    const kind = pick(schema as unknown as Record<string, unknown>);
    return `<tr><td><code>${escaped(name!)}</code></td><td>${where}${required ? ", required" : ""}</td><td>${kind} ${inline(about ?? "")}</td></tr>`;
  });
  return `<section id="${operationId}"><h3><span class="method">${method}</span> <code>${escaped(path)}</code></h3>
<p>${inline(summary)}. ${inline(description ?? "")}</p>
${fields.length > 0 ? `<table>${fields.join("")}</table>` : ""}
${body ? `<details open><summary>Body${requestBody.required ? "" : " (may be left out)"} ${reference(body.schema)}</summary>${pre(body.example)}</details>` : ""}
${Object.entries(responses).map(answer).join("")}</section>`;
}

function answer([status, response]: [string, Record<string, unknown>]): string {
  const problem = typeof response.$ref === "string" ? response.$ref.split("/").at(-1)! : null;
  if (problem) return `<p>${status} <a href="docs/problems#${problem}"><code>${problem}</code></a></p>`;
  const contents = Object.entries((response.content ?? {}) as Record<string, Record<string, unknown>>);
  const codes = contents.flatMap(([, { examples }]) => Object.keys(examples ?? {}));
  const links = codes.map((code) => `<a href="docs/problems#${code}"><code>${code}</code></a>`).join(", ");
  const shown = contents.filter(([, { example }]) => example !== undefined);
  if (shown.length === 0) return `<p>${status} ${links || inline(String(response.description))}</p>`;
  const bodies = shown.map(
    ([type, { schema, example }]) => `<p>${escaped(type)} ${reference(schema)}</p>${pre(example)}`,
  );
  return `<details><summary>${status} ${inline(String(response.description))} ${links}</summary>${bodies.join("")}</details>`;
}

function reference(schema: unknown): string {
  const { $ref } = (schema ?? {}) as { $ref?: string };
  const id = $ref?.split("/").at(-1);
  return id ? `<a href="#schema-${id}"><code>${escaped(id)}</code></a>` : "";
}

function pick(schema: Record<string, unknown>): string {
  const values = (schema.items as { enum?: string[] } | undefined)?.enum;
  return values
    ? `any of <code>${escaped(values.join(","))}</code>`
    : escaped(String(schema.format ?? schema.type ?? ""));
}

function pre(value: unknown): string {
  return `<pre>${escaped(typeof value === "string" ? value : JSON.stringify(value, null, 2))}</pre>`;
}

/** Words in backticks as code. */
function inline(text: string): string {
  return escaped(text).replace(/`([^`]+)`/g, "<code>$1</code>");
}

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

function html(title: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title><style>${STYLE}</style></head><body><main><h1>${title}</h1>
${body}</main></body></html>`;
}
