import type { RouteId } from "../access/permissions";
import type { Handler } from "./call";

/**
 * The one router of the API: the table of routes, compiled into a tree of path segments.
 *
 * A segment matches a fixed word before it matches a parameter, so the order of the table does not
 * matter. Segments are compared decoded: `/%65ndpoints/db1` is `/endpoints/db1`. One trailing slash
 * is allowed. HEAD finds the route of GET. What the table does not have is null, and Express serves
 * it: the web pages, or the problem `route_not_found`.
 */
export class Router {
  private readonly methods = new Map<string, Node>();

  /** Throws when two routes claim the same place: a fault of the table. */
  constructor(
    routes: Readonly<Record<string, Handler>>,
    /** First words that no parameter matches. */
    private readonly reserved: readonly string[],
  ) {
    for (const [id, handler] of Object.entries(routes)) this.add(id as RouteId, handler);
  }

  /** @param path without the base path and the query, as it was sent */
  find(method: string | undefined, path: string): Match | null {
    const root = this.methods.get(method === "HEAD" ? "GET" : (method ?? ""));
    if (root === undefined) return null;
    const values: string[] = [];
    const leaf = this.walk(root, path, 1, values);
    if (leaf === null) return null;
    const params: Record<string, string> = {};
    for (let index = 0; index < leaf.names.length; index++) params[leaf.names[index]!] = values[index]!;
    return { route: leaf.route, path: leaf.path, handler: leaf.handler, params };
  }

  private walk(node: Node, path: string, from: number, values: string[]): Leaf | null {
    if (from >= path.length) return node.leaf;
    const slash = path.indexOf("/", from);
    const end = slash < 0 ? path.length : slash;
    const segment = decoded(path.slice(from, end));
    if (segment === null || segment === "") return null;
    const word = node.words.get(segment);
    const found = word ? this.walk(word, path, end + 1, values) : null;
    if (found !== null || node.parameter === null) return found;
    if (from === 1 && this.reserved.includes(segment)) return null;
    const depth = values.push(segment);
    const leaf = this.walk(node.parameter, path, end + 1, values);
    if (leaf === null) values.length = depth - 1;
    return leaf;
  }

  private add(id: RouteId, handler: Handler): void {
    const [method, path] = id.split(" ") as [string, string];
    const names: string[] = [];
    let node = this.methods.get(method) ?? newNode();
    this.methods.set(method, node);
    for (const segment of path.slice(1).split("/")) {
      if (segment.startsWith(":")) names.push(segment.slice(1));
      node = segment.startsWith(":") ? parameterOf(node) : wordOf(node, segment);
    }
    if (node.leaf !== null) throw new Error(`The routes ${node.leaf.route} and ${id} claim the same addresses`);
    node.leaf = { route: id, path, handler, names };
  }
}

export interface Match {
  route: RouteId;
  /** Of the table, as `/:taskType/:id`. */
  path: string;
  handler: Handler;
  /** Decoded. */
  params: Record<string, string>;
}

interface Node {
  words: Map<string, Node>;
  parameter: Node | null;
  leaf: Leaf | null;
}

interface Leaf extends Omit<Match, "params"> {
  /** Of the parameters, in the order of the path. */
  names: string[];
}

function newNode(): Node {
  return { words: new Map(), parameter: null, leaf: null };
}

function parameterOf(node: Node): Node {
  node.parameter ??= newNode();
  return node.parameter;
}

function wordOf(node: Node, word: string): Node {
  const next = node.words.get(word) ?? newNode();
  node.words.set(word, next);
  return next;
}

/** Null: an escape that is none. Such an address does not exist. */
function decoded(segment: string): string | null {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}
