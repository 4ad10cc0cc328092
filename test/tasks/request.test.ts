import fc from "fast-check";
import { submitBody, usualSubmit } from "../../src/tasks/request";

/** Mostly what clients send, with what is wrong beside it. */
const bodies = fc.record(
  {
    identifier: fc.oneof(
      fc.constantFrom("e7bd91d0", "a b", "", "ü", "a\0", "x".repeat(190), "x".repeat(191)),
      fc.constantFrom(7, null, ["a"]),
    ),
    payload: fc.oneof(
      fc.constantFrom(
        {},
        { n: 1, text: "ü", no: null },
        { deep: { er: [1] } },
        JSON.parse('{"__proto__":{"admin":true}}'),
      ),
      fc.constantFrom(null, [], "text", 3),
    ),
    endpoints: fc.oneof(
      fc.array(fc.constantFrom("lb-1", "lb-2", "lb-3"), { maxLength: 3 }),
      fc.constantFrom(
        ["LB"],
        ["*"],
        ["a\n"],
        ["x".repeat(64)],
        [1],
        [null],
        "lb-1",
        null,
        {},
        { length: 1, 0: "lb-1" },
      ),
    ),
    attempts: fc.constantFrom(1, 0, "2"),
    unknown: fc.constant(1),
  },
  { requiredKeys: [] },
);

describe("the usual request recognised by hand", () => {
  test("is one that the schema takes, and says the same", () => {
    let recognised = 0;
    fc.assert(
      fc.property(fc.oneof(bodies, fc.constantFrom(null, [], "text", 1)), (body) => {
        const usual = usualSubmit(body);
        if (usual === null) return;
        recognised++;
        expect(submitBody.parse(body)).toEqual(usual);
      }),
      { numRuns: 3000 },
    );
    expect(recognised).toBeGreaterThan(0);
  });

  test("is one with an identifier, perhaps a flat payload and perhaps endpoints", () => {
    for (const more of [{}, { payload: { n: 1 } }, { endpoints: ["lb-1"] }, { payload: {}, endpoints: ["b", "a"] }]) {
      const body = { identifier: "e7bd91d0", ...more };
      expect(usualSubmit(body)).toEqual(body);
    }
  });

  test("has as many endpoints as the schema allows, each once", () => {
    const names = Array.from({ length: 10_000 }, (_, i) => `e${i}`);
    expect(usualSubmit({ identifier: "i", endpoints: names })).toEqual({ identifier: "i", endpoints: names });
    for (const endpoints of [[...names, "more"], ["a", "b", "a"], []]) {
      expect(usualSubmit({ identifier: "i", endpoints })).toBeNull();
      expect(submitBody.safeParse({ identifier: "i", endpoints }).success).toBe(false);
    }
  });
});
