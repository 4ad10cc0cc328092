import fc from "fast-check";
import { EventParser } from "../../src/client/sse";

function eventsOf(pieces: readonly string[]) {
  const parser = new EventParser();
  return pieces.flatMap((piece) => parser.push(piece)).map(({ id, event, data }) => ({ id, event, data }));
}

test("events are the same however the stream was cut into pieces", () => {
  const text = `retry: 10\n\n: a comment\nid: 1\nevent: x\ndata: {"a":\r\ndata: 1}\r\n\r\ndata: two\rdata\n\nid: 3\ndata:3\n\n`;
  const whole = eventsOf([text]);
  expect(whole).toEqual([
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
