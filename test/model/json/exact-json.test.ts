import fc from "fast-check";
import {
  ExactNumber,
  exactJson,
  mayHoldExactNumbers,
  parseExact,
  writeExact,
} from "../../../src/model/json/exact-json";

/** What doubles write in another way, and what they write as it is. */
const CHANGED = [
  ...[
    "9007199254740993",
    "123456789012345678901",
    "-12345678901234567890",
    "1.10",
    "-0",
    "-0.0",
    "0.0",
    "1.0",
    "10.50",
  ],
  ...["1e23", "1E5", "1e+2", "25e-8", "1e400", "-1e400", "1e-400", "0.0000001", "0.1234567890123456789"],
];
const KEPT = ["0", "7", "-1", "1.5", "0.1", "123456789012345", "9007199254740991", "0.000001", "100", "-10.25"];

/** A JSON number of any shape. */
const numbers = fc.oneof(
  fc.constantFrom(...CHANGED, ...KEPT),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc
    .tuple(fc.boolean(), fc.bigInt({ min: 0n, max: 10n ** 30n }), fc.stringMatching(/^(\.[0-9]{1,20})?$/), fc.boolean())
    .map(([minus, whole, fraction, power]) => `${minus ? "-" : ""}${whole}${fraction}${power ? "e-3" : ""}`),
);
const strings = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom("1.10", "a\\", '"', "[1e400", "__proto__", "\u2028", "\ud800"),
);

/** The text of any JSON value, numbers as they were made up. */
const { texts } = fc.letrec<{ texts: string }>((tie) => ({
  texts: fc.oneof(
    { maxDepth: 4 },
    numbers,
    strings.map((text) => JSON.stringify(text)),
    fc.constantFrom("true", "false", "null"),
    fc.array(tie("texts"), { maxLength: 5 }).map((items) => `[${items.join(",")}]`),
    fc
      .uniqueArray(fc.tuple(strings, tie("texts")), { maxLength: 5, selector: ([key]) => key })
      .map((members) => `{${members.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(",")}}`),
  ),
}));

describe("JSON whose numbers stay as they were written", () => {
  test.each(CHANGED)("%s is kept, and is the nearest double where arithmetic is done", (source) => {
    const number = parseExact(source) as ExactNumber;
    expect(number).toBeInstanceOf(ExactNumber);
    expect([writeExact(number), `${number}`, +number]).toEqual([source, source, Number(source)]);
    expect(writeExact(parseExact(`{"n": [${source} , 1]}`))).toBe(`{"n":[${source},1]}`);
  });

  test.each(KEPT)("%s is a plain number", (source) => {
    expect(parseExact(`[${source}]`)).toEqual([Number(source)]);
    expect(mayHoldExactNumbers(`{"n":${source}}`)).toBe(source.length > 15);
  });

  test("a text without spaces is written again as it was read", () => {
    const members = (text: string) => JSON.stringify(JSON.parse(text));
    fc.assert(
      fc.property(texts, (text) => {
        // Keys that are whole numbers come first in every object of JavaScript.
        fc.pre(!/"\d+":/.test(text));
        expect(writeExact(parseExact(text))).toBe(text);
        expect(members(writeExact(parseExact(text), 2))).toBe(members(text));
      }),
      { numRuns: 500 },
    );
  });

  test("everything but numbers is what JSON.parse makes of it, and indented as JSON.stringify does", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value, null, 1);
        const parsed = JSON.parse(text);
        // The number at the end sends it the long way.
        expect((parseExact(`[${text}, 1.10]`) as unknown[])[0]).toEqual(exactly(parsed));
        expect(writeExact(parsed, 2)).toBe(JSON.stringify(parsed, null, 2));
      }),
    );
  });

  test("keys that objects have by nature are data, of duplicates the last counts, and nesting has no limit", () => {
    const value = parseExact('{"__proto__":{"admin":1.0},"a":1,"a":2.50,"constructor":{}}') as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(["__proto__", "a", "constructor"]);
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
    expect(writeExact(value)).toBe('{"__proto__":{"admin":1.0},"a":2.50,"constructor":{}}');
    expect(() => parseExact(`${"[".repeat(50_000)}1.0${"]".repeat(50_000)}`)).not.toThrow();
  });

  test("what is not JSON is refused as JSON.parse refuses it", () => {
    for (const text of ["", "01", "1.", "[1e400", "{a:1.0}", "\ufeff{}", "NaN", "'1.10'"]) {
      expect(() => parseExact(text)).toThrow(SyntaxError);
    }
  });

  test("a value that JSON.stringify writes is written the same, dates and holes too", () => {
    const value = {
      at: new Date(0),
      no: undefined,
      list: [undefined, () => 1, Symbol("s")],
      f: () => 1,
      n: Number.NaN,
    };
    expect(exactJson.stringify(value)).toBe(JSON.stringify(value));
    expect(JSON.stringify({ n: new ExactNumber("1.10") })).toBe('{"n":1.1}');
  });
});

/** The long way makes a number of its own of what a double writes in another way (-0, 1e-7). */
function exactly(value: unknown): unknown {
  return parseExact(JSON.stringify(value));
}
