import { submitBody } from "../../../src/tasks/requests/request";

describe("a request to create a task", () => {
  test("keeps its payload as it was sent, whatever its keys are called", () => {
    for (const text of ['{"n":1,"text":"ü","no":null}', '{"__proto__":{"admin":true}}', '{"deep":{"er":[1]}}']) {
      const payload = JSON.parse(text);
      expect(submitBody.parse({ identifier: "e7bd91d0", payload }).payload).toBe(payload);
    }
  });

  test("names as many endpoints as are allowed, each once", () => {
    const names = Array.from({ length: 10_000 }, (_, i) => `e${i}`);
    expect(submitBody.parse({ identifier: "i", endpoints: names })).toEqual({ identifier: "i", endpoints: names });
    for (const endpoints of [[...names, "more"], ["a", "b", "a"], [], ["LB"], ["*"], [1], "lb-1", { length: 1 }])
      expect(submitBody.safeParse({ identifier: "i", endpoints }).success).toBe(false);
  });

  test("has an identifier of 1 to 190 characters, none of them NUL", () => {
    for (const identifier of ["a", "ü".repeat(190), "x".repeat(190), "😀".repeat(190)])
      expect(submitBody.safeParse({ identifier }).success).toBe(true);
    for (const identifier of ["", "x".repeat(191), "a\0", "\ud800", 7, null, undefined])
      expect(submitBody.safeParse({ identifier }).success).toBe(false);
  });
});
