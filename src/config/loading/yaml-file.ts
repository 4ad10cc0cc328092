import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import {
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
  type Scalar,
  visit,
} from "yaml";
import { ConfigError } from "../../errors";
import type { JsonObject } from "../../model/json/json";
import { isMapping, type Layer, type Path } from "./layers";

/** More aliases than this are a "billion laughs" attack. */
const MAX_ALIASES = 100;
const MAX_BYTES = 4 * 1024 * 1024;

/** Keys that would change an object's prototype. */
const FORBIDDEN = ["__proto__", "constructor", "prototype"];

/**
 * Reads the text of a YAML file into a layer. `${NAME}` and `${NAME:-default}` are replaced from
 * `env`; `$${` stands for `${`. A value that is only an unset variable counts as left out. Throws
 * ConfigError with every problem.
 *
 * @param file as messages show it
 */
export function readYaml(file: string, text: string, env: NodeJS.ProcessEnv): Layer {
  const lines = new LineCounter();
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  if (text.length > MAX_BYTES)
    throw new ConfigError([`${file}: it has more than ${MAX_BYTES} characters, which no config needs`]);
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true, version: "1.2" });
  const broken = document.errors.map((error) => `${place(error.pos[0])}: this is not YAML: ${error.message}`);
  if (broken.length > 0) throw new ConfigError(broken);

  const problems: string[] = [];
  visit(document, {
    Pair(_, pair) {
      if (isScalar(pair.key) && FORBIDDEN.includes(String(pair.key.value))) {
        problems.push(`${place(pair.key.range?.[0] ?? 0)}: ${String(pair.key.value)}: this key is never allowed`);
      }
    },
    Scalar(key, node) {
      if (key === "key" || typeof node.value !== "string" || !node.value.includes("${")) return;
      substitute(node, env, (sentence) => problems.push(`${place(node.range?.[0] ?? 0)}: ${sentence}`));
    },
  });
  if (problems.length > 0) throw new ConfigError(problems);

  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    throw new ConfigError([`${file}: ${(error as Error).message}`]);
  }
  if (value !== null && !isMapping(value))
    throw new ConfigError([`${place(0)}: the file must be a mapping (key: value)`]);
  const root = document.contents;
  return {
    from: "file",
    value: (value ?? {}) as JsonObject,
    where: (path, part) => place(offsetOf(root, path, part) ?? root?.range?.[0] ?? 0),
  };
}

/** The text of a config file. Throws ConfigError where it is missing or not UTF-8. */
export function readText(file: string, absolute: string, whatNext: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(absolute);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why =
      code === "ENOENT"
        ? `there is no such file. ${whatNext}`
        : code === "EISDIR"
          ? "this is a folder, not a file"
          : message;
    throw new ConfigError([`${file}: ${why}`]);
  }
  if (!isUtf8(bytes)) throw new ConfigError([`${file}: it is not valid UTF-8: save it in that encoding`]);
  return bytes.toString("utf8");
}

const VARIABLE = /\$\$\{|\$\{([^}]*)\}/g;

function substitute(node: Scalar, env: NodeJS.ProcessEnv, complain: (sentence: string) => void): void {
  const text = node.value as string;
  const unset: string[] = [];
  const replaced = text.replace(VARIABLE, (whole, inside: string | undefined) => {
    if (inside === undefined) return "${";
    const match = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/.exec(inside);
    if (!match) {
      complain(`${whole} is not understood; allowed: \${NAME} or \${NAME:-default}`);
      return whole;
    }
    const value = env[match[1]!];
    if (value !== undefined && value !== "") return value;
    if (match[2] === undefined) unset.push(match[1]!);
    return match[2] ?? "";
  });
  if (unset.length > 0) {
    const alone = /^\$\{[^}]*\}$/.test(text);
    if (alone) node.value = null;
    else
      complain(
        `the environment variable ${unset.join(", ")} is not set; set it, or give a default: \${${unset[0]}:-default}`,
      );
    return;
  }
  node.value = replaced;
}

/** The offset at which the node of a path begins. */
function offsetOf(root: unknown, path: Path, part: "key" | "value"): number | undefined {
  let node: unknown = root;
  let key: unknown;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(step),
      );
      if (!pair) return start(node);
      key = pair.key;
      node = pair.value;
    } else if (isNode(node) && "items" in node) {
      key = undefined;
      node = (node as { items: unknown[] }).items[Number(step)];
    } else {
      return start(node) ?? start(key);
    }
    if (isAlias(node) && step !== path.at(-1)) return start(node);
  }
  return part === "key" ? (start(key) ?? start(node)) : (start(node) ?? start(key));
}

function start(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined;
}
