import { computed, signal } from "@preact/signals";

/** `#/tasks?status=failed` → path and query; everything that a page can be asked for stands in the address. */
const hash = signal(location.hash);
addEventListener("hashchange", () => {
  hash.value = location.hash;
});

export interface Route {
  path: string;
  parts: string[];
  query: URLSearchParams;
}

/** What a page is asked for. */
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

/** Changes filters of the page that is shown; without a step in the history for each letter typed. */
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
