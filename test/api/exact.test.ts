import fc from "fast-check";
import { parseBody } from "../../src/api/body";
import { exactBody, exactTasks } from "../../src/api/exact";
import { textOf } from "../../src/model/exact";

const parsed = (text: string) => parseBody(Buffer.from(text), "application/json", false);

describe("a payload's own text", () => {
  test.each([
    ['{"identifier":"a","payload":{"n":9007199254740993}}', '{"n":9007199254740993}'],
    ['{ "payload" : { "a" : 1.0 , "b":[ "}" , "\\"" ] } , "identifier":"x" }', '{ "a" : 1.0 , "b":[ "}" , "\\"" ] }'],
    ['{"payload":{"a":1},"payload":{"a":2}}', '{"a":2}'],
    ['{"p\\u0061yload":{"a":1e2}}', '{"a":1e2}'],
    ['{"x":"payload","payload":{"__proto__":{"admin":true}}}', '{"__proto__":{"admin":true}}'],
    ['\n\t{"x":[[],{"payload":{}}],"payload":{"\\\\":"\\\\"}}', '{"\\\\":"\\\\"}'],
  ])("is kept as it came: %s", (text, payload) => {
    expect(textOf(exactBody(parsed(text)).payload)).toBe(payload);
  });

  test("is kept for each task of a batch", () => {
    const text = '{"tasks" : [ {"payload":{"n":1.0}} , 7, "x]" , null,{"identifier":"b"},\n{"payload":{"n":2.0}}]}';
    const tasks = exactTasks(parsed(text)).tasks as Array<{ payload?: unknown } | null>;
    expect(tasks.map((task) => textOf(task?.payload))).toEqual([
      '{"n":1.0}',
      undefined,
      undefined,
      undefined,
      undefined,
      '{"n":2.0}',
    ]);
  });

  test("is found in whatever else a request holds", () => {
    const keys = fc.oneof(fc.string(), fc.constantFrom("payload", "tasks", '"', "\\", "{"));
    const objects = fc.dictionary(keys, fc.jsonValue({ maxDepth: 3 }));
    fc.assert(
      fc.property(objects, objects, fc.boolean(), (rest, payload, spaced) => {
        const text = JSON.stringify({ ...rest, payload, z: rest }, null, spaced ? 2 : 0);
        const kept = textOf(exactBody({ text, value: JSON.parse(text) }).payload)!;
        expect(JSON.parse(kept)).toEqual(JSON.parse(JSON.stringify(payload)));
        const batch = JSON.stringify({ tasks: [rest, { payload }, [], { payload: rest }] }, null, spaced ? 2 : 0);
        const tasks = exactTasks({ text: batch, value: JSON.parse(batch) }).tasks as Array<{ payload: unknown }>;
        expect(JSON.parse(textOf(tasks[1]!.payload)!)).toEqual(JSON.parse(JSON.stringify(payload)));
        expect(JSON.parse(textOf(tasks[3]!.payload)!)).toEqual(JSON.parse(JSON.stringify(rest)));
      }),
    );
  });
});
