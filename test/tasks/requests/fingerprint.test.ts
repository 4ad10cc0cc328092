import fc from "fast-check";
import { hashOf } from "../../../src/tasks/requests/fingerprint";
import type { SubmitBody } from "../../../src/tasks/requests/request";

const of = (payload: string, more: Partial<SubmitBody> = {}) =>
  hashOf({ identifier: "i", payload: JSON.parse(payload), ...more }, payload);
const ofNumber = (source: string) => of(`{"n":${source}}`);

describe("the fingerprint of a request", () => {
  test.each([
    ["9007199254740992", "9007199254740993"],
    ["123456789012345678901", "123456789012345678902"],
    ["1e400", "1e401"],
    ["1e400", "null"],
    ["1e400", "-1e400"],
    ["1e-400", "0"],
    ["0.1", "0.10000000000000000001"],
    ["1e9999999999999999999", "1e99999999999999999999"],
  ])("tells %s from %s", (a, b) => {
    expect(ofNumber(a)).not.toBe(ofNumber(b));
    expect(of(`{"deep":[{"n": ${a}}]}`)).not.toBe(of(`{"deep":[{"n": ${b}}]}`));
  });

  test.each([
    ["1.10", "1.1"],
    ["1.0", "1"],
    ["-0", "0"],
    ["0e5", "0.000"],
    ["1e23", "100000000000000000000000"],
    ["1E2", "100"],
    ["1e400", "10e399"],
    ["1e400", "1E+400"],
    ["9007199254740993", "9007199254740993.0"],
    ["123456789012345678900", "1234567890123456789e2"],
  ])("is the same for %s and %s", (a, b) => {
    expect(ofNumber(a)).toBe(ofNumber(b));
  });

  test("is the same whatever the order of keys and endpoints, and however a text is escaped", () => {
    expect(of('{"a":1.10,"b":[{"c":"é","d":2}]}')).toBe(of('{"b":[{"d":2.0,"c":"\\u00e9"}],"a":1.1}'));
    expect(of("{}", { endpoints: ["b", "a"] })).toBe(of("{}", { endpoints: ["a", "b"] }));
    expect(of('{"a":[1,2]}')).not.toBe(of('{"a":[2,1]}'));
    expect(of('{"a":"1.10"}')).not.toBe(of('{"a":1.10}'));
    expect(hashOf({ identifier: "i" })).toBe(of("{}"));
  });

  test("is what the values alone give wherever doubles hold them", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (payload) => {
        const text = JSON.stringify(payload);
        expect(hashOf({ identifier: "i", payload: JSON.parse(text) }, text)).toBe(
          hashOf({ identifier: "i", payload: JSON.parse(text) }),
        );
      }),
    );
  });
});
