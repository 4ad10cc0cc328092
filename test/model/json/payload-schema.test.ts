import { payloadAjv } from "../../../src/model/json/payload-schema";

describe("uniqueItems of a payload schema", () => {
  const check = payloadAjv({ strict: false }).compile({ properties: { list: { uniqueItems: true } } });
  const unique = (list: unknown) => check({ list });

  test.each<[unknown]>([
    [[]],
    [[1, "1", true, "true", null, "null", [], {}, [[]], "", [1], { a: 1 }]],
    [
      [
        { a: 1, b: 2 },
        { a: 2, b: 1 },
      ],
    ],
    [[{ a: "1" }, { a: 1 }]],
    [["a,b", ["a", "b"], "[]", '"a"', "a"]],
    [[Number.POSITIVE_INFINITY, null]],
    ["no list"],
  ])("holds for %j", (list) => {
    expect(unique(list)).toBe(true);
  });

  test.each<[unknown[], number, number]>([
    [[1, 2, 1], 0, 2],
    [[0, -0], 0, 1],
    [["a", "b", "b"], 1, 2],
    [[{ a: 1, b: [2] }, 7, { b: [2], a: 1 }], 0, 2],
    [[[{ a: { x: 1, y: 2 } }], [{ a: { y: 2, x: 1 } }]], 0, 1],
    [[null, null], 0, 1],
  ])("does not for %j, and says which", (list, j, i) => {
    expect(unique(list)).toBe(false);
    expect(check.errors).toMatchObject([
      {
        instancePath: "/list",
        keyword: "uniqueItems",
        params: { i, j },
        message: expect.stringContaining("duplicate"),
      },
    ]);
  });

  test("false asks for nothing, and anything but a boolean is no schema", () => {
    const ajv = payloadAjv({ strict: false });
    expect(ajv.validate({ uniqueItems: false }, [1, 1])).toBe(true);
    expect(() => ajv.compile({ uniqueItems: "yes" })).toThrow();
    expect(() => ajv.compile({ required: ["a", "a"] })).toThrow(/duplicate/);
  });

  test("reads each item once, whatever it is", () => {
    let reads = 0;
    const counted = (at: number) => ({
      get a() {
        reads++;
        return at;
      },
    });
    expect(unique(Array.from({ length: 3000 }, (_, at) => counted(at)))).toBe(true);
    expect(reads).toBe(3000);
  });
});
