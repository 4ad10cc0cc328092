import { fillArguments, InvalidPayload, payloadAsCode } from "../../../../src/manager/runners/command/template";
import { parseExact } from "../../../../src/model/json/exact-json";

const fill = (template: string, payload: unknown) => fillArguments([template], payload as never);

describe("a command's arguments from a payload", () => {
  test("a field is a whole argument or a part of one, and always exactly one", () => {
    const payload = { name: "a b; id\n$(id)", deep: { list: [{ n: 1.5 }], "with-dash": true }, empty: "" };
    expect(fill("{{payload.name}}", payload)).toEqual(["a b; id\n$(id)"]);
    expect(fill("--name={{payload.name}}!", payload)).toEqual(["--name=a b; id\n$(id)!"]);
    expect(fill("{{ payload.deep.list.0.n }}/{{payload.deep.with-dash}}", payload)).toEqual(["1.5/true"]);
    expect(fill("{{payload.deep.list}}", payload)).toEqual(['[{"n":1.5}]']);
    expect(fill("{{payload.empty}}", payload)).toEqual([""]);
  });

  test("a number is the text that was sent, alone and inside a list", () => {
    const sent = ["9007199254740993", "123456789012345678901", "1.10", "1e23", "1e400", "-0"];
    const payload = parseExact(`{"list":[${sent.join(" , ")}],"n":{"id":${sent[0]}}}`);
    const places = sent.map((_, i) => `=({{payload.list.${i}}})`);
    expect(fillArguments(places, payload as never)).toEqual(sent.map((text) => `=(${text})`));
    expect(fill("{{payload.list}}{{payload.n}}", payload)).toEqual([`[${sent.join(",")}]{"id":${sent[0]}}`]);
  });

  test("replacement patterns and nested places in a value are plain text", () => {
    expect(fill("<{{payload.a}}>", { a: "$& $1 {{payload.b}}", b: "never" })).toEqual(["<$& $1 {{payload.b}}>"]);
  });

  test("what is not a place of the payload stays as it is written", () => {
    expect(fill("{{identifier}} {payload.a} {{payload}}", { a: 1 })).toEqual([
      "{{identifier}} {payload.a} {{payload}}",
    ]);
  });

  test.each([
    ["{{payload.missing}}", {}],
    ["{{payload.a.b}}", { a: null }],
    ["{{payload.a.b}}", { a: "text" }],
    ["{{payload.a}}", { a: null }],
    ["{{payload.constructor.name}}", {}],
    ["{{payload.__proto__}}", {}],
    ["{{payload.a}}", { a: "x\0y" }],
    ["{{payload.a.source}}", parseExact('{"a":1.10}')],
    ["{{payload.a}}", { a: "--delete" }],
    ["{{payload.a}}{{payload.b}}", { a: "", b: "-x" }],
    ["{{payload.a}}", { a: -5 }],
  ])("%s of %j is refused", (template, payload) => {
    expect(() => fill(template, payload)).toThrow(InvalidPayload);
  });

  test("behind a -- of the command, and behind a fixed text, a value may begin with a dash", () => {
    expect(fillArguments(["--", "{{payload.a}}"], { a: "-x" })).toEqual(["--", "-x"]);
    expect(fillArguments(["-n{{payload.a}}", "--f={{payload.a}}"], { a: "-x" })).toEqual(["-n-x", "--f=-x"]);
  });

  test("a payload's field inside program text is found", () => {
    expect(payloadAsCode(["sh", "-c", "echo {{payload.a}}"])).toBe("echo {{payload.a}}");
    expect(payloadAsCode(["/usr/bin/env", "bash", "-ec", "echo {{payload.a}}"])).toBe("echo {{payload.a}}");
    expect(payloadAsCode(["node", "-e", "run({{payload.a}})"])).toBe("run({{payload.a}})");
    expect(payloadAsCode(["sh", "-c", 'echo "$1"', "sh", "{{payload.a}}"])).toBeNull();
    expect(payloadAsCode(["grep", "-c", "{{payload.a}}"])).toBeNull();
  });
});
