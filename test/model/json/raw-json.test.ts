import fc from "fast-check";
import { elementTexts, memberText } from "../../../src/model/json/raw-json";

describe("the text of a value inside a JSON text", () => {
  test("a member is cut out as it was written", () => {
    expect(memberText('{"identifier":"a","payload":{"n":12345678901234567890,"f":1.10}}', "payload")).toBe(
      '{"n":12345678901234567890,"f":1.10}',
    );
    expect(memberText(' { "payload" : [1, "}", {"]":"\\""}] , "x":1}', "payload")).toBe('[1, "}", {"]":"\\""}]');
    expect(memberText('{"pay\\u006coad":1}', "payload")).toBe("1");
    expect(memberText('{"a":{"payload":1}}', "payload")).toBeNull();
    expect(memberText('{"payload":1,"payload":2}', "payload")).toBe("2");
    expect(memberText("[1]", "payload")).toBeNull();
    expect(memberText("{}", "payload")).toBeNull();
  });

  test("whatever JSON holds, each member's text means what JSON.parse says it means", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(0, 1, 2), (object, space) => {
        const text = JSON.stringify(object, null, space);
        const parsed = JSON.parse(text) as Record<string, unknown>;
        for (const key of Object.keys(parsed)) expect(JSON.parse(memberText(text, key)!)).toEqual(parsed[key]);
      }),
    );
  });

  test("an array falls into its elements", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.constantFrom(0, 2), (array, space) => {
        const text = JSON.stringify(array, null, space);
        expect(elementTexts(text).map((element) => JSON.parse(element))).toEqual(JSON.parse(text));
      }),
    );
  });
});
