import fc from "fast-check";
import { cell, cleanText, safeJson, span } from "../../src/cli/text";

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
const hostile = fc.string({
  unit: fc.constantFrom("\u001b", "[", "2", "J", "\u009b", "\n", "\r", "\t", "a", "\u202e", "]", "\u0007", "é", "😀"),
});

test("nothing that a terminal obeys passes, whatever the text", () => {
  fc.assert(
    fc.property(hostile, (text) => {
      expect(cleanText(text)).not.toMatch(OBEYED);
      expect(cell(text)).not.toMatch(/[\n\t]/);
      expect(cell(text)).not.toMatch(OBEYED);
      expect(safeJson({ text })).not.toMatch(OBEYED);
      expect(JSON.parse(safeJson({ [text]: text }))).toEqual({ [text]: text });
    }),
  );
});

test("a cell is one line of at most so many characters, however long the text is", () => {
  expect(cell("one\ntwo\tthree  four")).toBe("one two three four");
  expect(cell("x".repeat(5_000_000), 10)).toBe(`${"x".repeat(9)}…`);
  expect([...cell("😀".repeat(50), 5)]).toHaveLength(5);
  expect(cell({ a: [1] })).toBe('{"a":[1]}');
  expect(cell(null)).toBe("");
});

test("spans are said in the two units that matter", () => {
  expect([0, 999, 1400, 59_000, 200_000, 3_780_000, 300_000_000].map(span)).toEqual([
    "0 ms",
    "999 ms",
    "1.4 s",
    "59 s",
    "3 m 20 s",
    "1 h 3 m",
    "3 d",
  ]);
});
