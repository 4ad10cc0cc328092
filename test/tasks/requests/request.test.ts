import fc from "fast-check";
import { submitBody, usualSubmit } from "../../../src/tasks/requests/request";

const TOO_DEEP = JSON.parse(`${'{"deep":'.repeat(65)}1${"}".repeat(65)}`);

const mostly = (good: fc.Arbitrary<unknown>, bad: readonly unknown[]) =>
  fc.oneof({ arbitrary: good, weight: 3 }, { arbitrary: fc.constantFrom(...bad), weight: 1 });

/** Mostly what clients send, with what is wrong beside it. */
const parts = fc.record(
  {
    identifier: mostly(fc.constantFrom("e7bd91d0", "a b", "x".repeat(190)), [
      ...["", "ü", "a\0", "x".repeat(191), 7, null, ["a"]],
    ]),
    payload: mostly(fc.constantFrom({}, { n: 1, text: "ü", no: null }, JSON.parse('{"__proto__":"text"}')), [
      ...[{ deep: { er: [1] } }, TOO_DEEP, JSON.parse('{"__proto__":{"admin":true}}'), null, [], "text", 3],
    ]),
    endpoints: mostly(fc.array(fc.constantFrom("lb-1", "lb-2", "lb-3"), { minLength: 1, maxLength: 3 }), [
      ...[[], ["LB"], ["*"], ["a\n"], ["x".repeat(64)], [1], [null], "lb-1", null, {}, { length: 1, 0: "lb-1" }],
    ]),
  },
  { requiredKeys: [] },
);
const more = fc.constantFrom({}, {}, {}, { attempts: 1 }, { attempts: 0 }, { unknown: 1 });
const bodies = fc.tuple(parts, more).map((both) => Object.assign({}, ...both));

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
    expect(recognised).toBeGreaterThan(100);
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
