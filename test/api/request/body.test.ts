import { parseBody } from "../../../src/api/request/body";
import type { TaskerError } from "../../../src/errors";
import { jsonFault } from "../../../src/model/json/json-fault";

const JSON_TYPE = "application/json";

function refusal(text: string | Buffer, contentType = JSON_TYPE): TaskerError {
  try {
    parseBody(typeof text === "string" ? Buffer.from(text) : text, contentType, false);
  } catch (error) {
    return error as TaskerError;
  }
  throw new Error(`was taken: ${text}`);
}

describe("a request body", () => {
  test.each([
    ['{"a":}', 5],
    ['{"a" 1}', 5],
    ["{'a':1}", 1],
    ['{"a":1,}', 7],
    ["[1,]", 3],
    ['{"a":NaN}', 5],
    ['{"a":01}', 6],
    ['{"a":"\n"}', 6],
    ['{"a":"\\x"}', 6],
    ['{"a":1} x', 8],
    ['{"a":1', 6],
    ['"abc', 4],
    ["", 0],
    ["[[[[", 4],
    ['{"a":1]', 6],
    ["tru", 0],
  ])("that is not JSON is refused with the place of the fault: %j", (text, position) => {
    expect(() => JSON.parse(text)).toThrow();
    expect(jsonFault(text)).toBe(position);
  });

  test("that is not JSON is refused without a word of it", () => {
    const error = refusal('{"payload": {"password": "hunter2" "x"}}');
    expect(error.code).toBe("malformed_json");
    expect(error.message).toContain("line 1, column 36 (position 35)");
    expect(error.message).not.toContain("hunter2");
  });

  test("that begins with a byte order mark, or is not UTF-8, is refused", () => {
    expect(refusal("\ufeff{}").message).toContain("byte order mark");
    expect(refusal(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])).message).toContain("UTF-8");
  });

  test.each(["[]", "null", "1", '"a"', "true"])("that is JSON but no object is invalid: %s", (text) => {
    const error = refusal(text);
    expect(error.code).toBe("invalid_request");
    expect(error.errors).toEqual([{ pointer: "#", detail: "must be an object" }]);
  });

  test("may nest 64 levels and not 65", () => {
    const nested = (levels: number) => `{"a":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`;
    expect(parseBody(Buffer.from(nested(64)), JSON_TYPE, false).value).toHaveProperty("a");
    expect(refusal(nested(65)).code).toBe("invalid_request");
    expect(refusal(nested(200_000)).code).toBe("invalid_request");
  });

  test.each(["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'])(
    "is taken as %s",
    (type) => {
      expect(parseBody(Buffer.from("{}"), type, false).value).toEqual({});
    },
  );

  test("is refused without a content type", () => {
    expect(() => parseBody(Buffer.from("{}"), undefined, false)).toThrow(/Content-Type: application\/json/);
  });

  test.each(["text/plain", "application/json; charset=latin1", "application/x-www-form-urlencoded", "json"])(
    "is refused as %s",
    (type) => {
      expect(refusal("{}", type).code).toBe("unsupported_media_type");
    },
  );

  test("may be absent only where an action takes none", () => {
    expect(parseBody(Buffer.alloc(0), undefined, true).value).toEqual({});
    expect(refusal("").code).toBe("malformed_json");
  });

  test("keeps the last of duplicate keys, and `__proto__` as a key like any other", () => {
    const { value } = parseBody(Buffer.from('{"a":1,"a":2,"__proto__":{"admin":true}}'), JSON_TYPE, false);
    expect(value.a).toBe(2);
    expect(Object.hasOwn(value, "__proto__")).toBe(true);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });
});
