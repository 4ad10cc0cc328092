import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, sources } from "./support/sources";

const MAX_COLUMNS = 100;
/** Strings are matched first, since they may hold `//`. */
const COMMENT = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|(\/\/[^\n]*|\/\*[\s\S]*?\*\/)/g;

/** `file:line: text` for each line of a comment that ends beyond the limit. */
function tooWide(name: string, text: string): string[] {
  return [...text.matchAll(COMMENT)].flatMap(({ 1: comment, index }) => {
    // biome reads its own comments from one line only.
    if (comment === undefined || comment.startsWith("// biome-ignore")) return [];
    const before = text.slice(0, index).split("\n");
    return comment.split("\n").flatMap((line, i) => {
      const columns = line.length + (i === 0 ? before.at(-1)!.length : 0);
      return columns > MAX_COLUMNS ? [`${name}:${before.length + i}: ${line.trim()}`] : [];
    });
  });
}

test(`no comment is wider than ${MAX_COLUMNS} columns`, () => {
  const found = sources(["src"]).flatMap(({ name }) => tooWide(name, readFileSync(join(ROOT, name), "utf8")));
  expect(found).toEqual([]);
});

test("a wide line is found, a wide string is not", () => {
  const wide = "x".repeat(MAX_COLUMNS);
  expect(tooWide("a", `const a = "// ${wide}";\n/**\n * ${wide}\n */\n`)).toEqual([`a:3: * ${wide}`]);
});
