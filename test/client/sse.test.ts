import fc from "fast-check";
import { EventParser } from "../../src/client/sse";

function eventsOf(pieces: readonly string[]) {
  const parser = new EventParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

test("events are the same however the stream was cut into pieces", () => {
  const text = `\uFEFFdata: one\n\nretry: 10\n\n: a comment\nid: 1\nevent: x\ndata: {"a":\r\ndata: 1}\r\n\r\ndata: two\rdata\n\nid: 3\ndata:3\r\r`;
  const whole = eventsOf([text]);
  expect(whole).toEqual([
    { id: null, event: "message", data: "one" },
    { id: "1", event: "x", data: '{"a":\n1}' },
    { id: "1", event: "message", data: "two\n" },
    { id: "3", event: "message", data: "3" },
  ]);
  fc.assert(
    fc.property(fc.array(fc.nat(text.length)), (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), text.length];
      const pieces = at.slice(1).map((end, i) => text.slice(at[i], end));
      expect(eventsOf(pieces)).toEqual(whole);
    }),
  );
});

test("an event that is not ended by a blank line is not told", () => {
  expect(eventsOf(["id: 1\ndata: half"])).toEqual([]);
});

test("an event that ends with CR is told at once, and the LF that may follow is no further line", () => {
  const parser = new EventParser();
  expect(parser.push("data: a\r\r")).toEqual([{ id: null, event: "message", data: "a" }]);
  expect(parser.push("\ndata: b\r")).toEqual([]);
  expect(parser.push("\n\r")).toEqual([{ id: null, event: "message", data: "b" }]);
  expect(parser.push("\n")).toEqual([]);
});

test("an id with NUL is ignored, and so is a retry that is not a number", () => {
  const parser = new EventParser();
  expect(parser.push("id: 1\nid: 2\0\nretry: 1e3\nretry: 12s\ndata\n\n")).toEqual([
    { id: "1", event: "message", data: "" },
  ]);
  expect(parser.retry).toBeNull();
  parser.push("retry: 250\n\n");
  expect(parser.retry).toBe(250);
});

test("an id stays the place to resume at, also when it comes without data, until it is emptied", () => {
  expect(eventsOf(["id: 9\n\ndata: x\n\nid\ndata: y\n\n"])).toEqual([
    { id: "9", event: "message", data: "x" },
    { id: "", event: "message", data: "y" },
  ]);
});

test.each([
  ["one line that never ends", "x".repeat(64 * 1024)],
  ["lines of data without a blank one", `data: ${"x".repeat(64 * 1024)}\n`],
])("%s ends the reading before it fills the memory", (_, piece) => {
  const parser = new EventParser();
  expect(() => {
    for (let i = 0; i < 300; i++) parser.push(piece);
  }).toThrow("more than 16777216 characters");
});

test("a long line costs its length, not its square, when it comes in small pieces", () => {
  const parser = new EventParser();
  const piece = "x".repeat(256);
  parser.push("data: ");
  // 32,768 searches of the whole line so far would read 134 billion characters: the test would not end in its time.
  for (let i = 0; i < 32_768; i++) parser.push(piece);
  expect(parser.push("\n\n")[0]?.data).toHaveLength(32_768 * 256);
});
