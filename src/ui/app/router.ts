import { computed, signal } from "@preact/signals";

/** `#/tasks?status=failed` → path and query. The address holds all parameters of a page. */
const hash = signal(location.hash);
addEventListener("hashchange", () => {
  hash.value = location.hash;
});

export interface Route {
  path: string;
  parts: string[];
  query: URLSearchParams;
}

/** The path and query of a page. */
export type PageProps = Pick<Route, "parts" | "query">;

export const route = computed<Route>(() => {
  const [path = "/", query = ""] = splitOnce(hash.value.replace(/^#/, "") || "/", "?");
  return { path, parts: path.split("/").filter(Boolean).map(decode), query: new URLSearchParams(query) };
});

function splitOnce(text: string, by: string): [string, string] {
  const at = text.indexOf(by);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function href(parts: readonly string[], query: Record<string, string | null | undefined> = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) search.set(name, value);
  const text = search.toString();
  return `#/${parts.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

export function go(to: string): void {
  location.hash = to;
}

/** Changes the filters of the present page, without a history entry for each letter. */
export function setQuery(changes: Record<string, string | null>): void {
  const { path, query } = route.peek();
  const next = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) {
    if (value) next.set(name, value);
    else next.delete(name);
  }
  const text = next.toString();
  history.replaceState(null, "", `#${path}${text ? `?${text}` : ""}`);
  hash.value = location.hash;
}
