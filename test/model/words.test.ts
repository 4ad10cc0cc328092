import { formatDuration, parseDuration } from "../../src/model/duration";
import { firstIdAt, isId, newId } from "../../src/model/ids";
import { deeperThan } from "../../src/model/json/json";
import { decodeMessage, encodeMessage, knownTasks, mayBegin, UnreadableMessage } from "../../src/model/message";
import { isName } from "../../src/model/names";

describe("ids", () => {
  test("they are UUIDv7, increase in one process and carry their time", () => {
    const ids = Array.from({ length: 20_000 }, () => newId());
    expect(ids.every(isId)).toBe(true);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids[0]![14]).toBe("7");
    expect("89ab").toContain(ids[0]![19]);
  });

  test("they increase even when the clock goes back", () => {
    const a = newId(Date.now() + 5000);
    const b = newId(Date.now() - 60_000);
    expect(b > a).toBe(true);
  });

  test("the first id of a moment stands before every id made then", () => {
    const at = Date.now() + 10_000;
    expect(firstIdAt(at) < newId(at)).toBe(true);
    expect(firstIdAt(at + 1000) > newId(at)).toBe(true);
  });
});

describe("names", () => {
  test.each(["a", "loadbalancer-1", "app.update_2", "0", "a".repeat(63)])("%s is a name", (name) => {
    expect(isName(name)).toBe(true);
  });
  test.each(["", "A", "-a", ".a", "a b", "a/b", "../x", "a".repeat(64), "é", "a\0", "*", "a\n", 7, null])(
    "%j is not a name",
    (name) => {
      expect(isName(name)).toBe(false);
    },
  );
});

describe("durations", () => {
  test.each([
    ["500ms", 500],
    ["30s", 30_000],
    ["1.5m", 90_000],
    ["2h", 7_200_000],
    ["7d", 604_800_000],
  ])("%s is %d milliseconds", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });
  test.each(["", "5", "s", "-1s", "1 s", "1w", "1e3s", "Infinitys"])("%j is none", (text) => {
    expect(parseDuration(text)).toBeNull();
  });
  test("it is written back in the largest unit that is exact", () => {
    expect(formatDuration(90_000)).toBe("90s");
    expect(formatDuration(7_200_000)).toBe("2h");
    expect(formatDuration(0)).toBe("0ms");
  });
});

describe("depth", () => {
  test("a value nested as deep as the limit passes, one level more does not", () => {
    const nest = (levels: number) => JSON.parse("[".repeat(levels) + "]".repeat(levels)) as unknown;
    expect(deeperThan(nest(64), 64)).toBe(false);
    expect(deeperThan(nest(65), 64)).toBe(true);
    expect(deeperThan(nest(100_000), 64)).toBe(true);
    expect(deeperThan({ a: { b: 1 } }, 2)).toBe(false);
    expect(deeperThan({ a: { b: {} } }, 2)).toBe(true);
  });
});

describe("messages", () => {
  const id = newId();
  const row = { version: 7, attempt: 2, attempts: 3, generation: 4, timeoutMs: 5000 };
  const outgoing = (payload: string | null) => ({
    ...{ id, job: null, priority: 0, identifier: 'x"y', payload, traceparent: null },
    ...row,
  });

  describe("signed", () => {
    const payload = '{"n":12345678901234567890,"s":",\\"payload\\":{}"}';
    const known = { identifier: 'x"y', payload, traceparent: null, ...row };
    const told = (body: string, key: string | null) => knownTasks(body, decodeMessage(body), key);

    test("tell of their tasks what the store says, the payload byte for byte", () => {
      const body = encodeMessage("app-update", [outgoing(payload), outgoing(null)], "key");
      expect(told(body, "key")).toEqual([known, null]);
    });
    test("tell nothing to who has no key, another one, or when a single character has changed", () => {
      const body = encodeMessage("app-update", [outgoing(payload)], "key");
      expect(told(body, null)).toBeNull();
      expect(told(body, "other")).toBeNull();
      expect(told(body.replace('"timeout_ms":5000', '"timeout_ms":5001'), "key")).toBeNull();
      expect(told(body.replace("12345678901234567890", "12345678901234567891"), "key")).toBeNull();
    });
    test("an unsigned one tells nothing, nor one whose signature has been cut off or made up", () => {
      const bare = encodeMessage("app-update", [outgoing(payload)]);
      expect(told(bare, "key")).toBeNull();
      expect(told(`{"seal":"${"A".repeat(44)}",${bare.slice(1)}`, "key")).toBeNull();
      expect(told(`{"seal":"",${bare.slice(1)}`, "key")).toBeNull();
    });
  });

  describe("that may be begun before the claim", () => {
    const told = (names: string[], endpoint: string, key: string | null = "key") =>
      mayBegin(decodeMessage(encodeMessage("app-update", [outgoing("{}")], key, names)), endpoint);
    const many = Array.from({ length: 1001 }, (_, n) => `lb-${n}`);

    test("name exactly those who may", () => {
      expect([told(["lb-1"], "lb-1"), told(["a", "lb-1", "b"], "lb-1"), told(["*"], "*")]).toEqual([true, true, true]);
      expect([told(["lb-10", "a-lb-1", "lb.1"], "lb-1"), told([], "lb-1"), told(["lb-1"], "")]).toEqual([
        ...[false, false, false],
      ]);
    });
    test("name up to a thousand, and beyond that nobody", () => {
      expect([told(many.slice(1), "lb-1000"), told(many, "lb-1000")]).toEqual([true, false]);
    });
    test("say it under the signature, which breaks when a name is put in", () => {
      const body = encodeMessage("app-update", [outgoing("{}")], "key", ["lb-1"]);
      const forged = body.replace('"for":"lb-1"', '"for":"lb-1 lb-2"');
      expect(mayBegin(decodeMessage(forged), "lb-2")).toBe(true);
      expect(knownTasks(forged, decodeMessage(forged), "key")).toBeNull();
    });
  });

  test("what is encoded is decoded, the payload byte for byte", () => {
    const payload = '{"n":12345678901234567890,"s":"\\u0000 \u2028 \ud83d\ude00"}';
    const text = encodeMessage("app-update", [outgoing(payload)]);
    expect(text).toContain(payload);
    expect(decodeMessage(text)).toMatchObject({
      v: 1,
      type: "app-update",
      tasks: [{ id, job: null, identifier: 'x"y' }],
    });
  });

  test.each([
    ["", "empty"],
    ["  ", "empty"],
    ["{", "not_json"],
    ["[]", "invalid"],
    ["null", "invalid"],
    ['{"v":2}', "unknown_version"],
    ['{"v":1,"type":"A B","tasks":[]}', "invalid"],
    ['{"v":1,"type":"a","tasks":[]}', "invalid"],
    ['{"v":1,"type":"a","tasks":[{"id":"x"}]}', "invalid"],
    ['{"v":1,"type":"a","tasks":[null]}', "invalid"],
  ])("%s is refused as %s", (text, reason) => {
    expect(() => decodeMessage(text)).toThrow(UnreadableMessage);
    try {
      decodeMessage(text);
    } catch (error) {
      expect((error as UnreadableMessage).reason).toBe(reason);
    }
  });
});
