import { StoreUnavailable } from "../../../src/errors";
import { silentLog } from "../../../src/log";
import { MessageReader, MessageVerifier } from "../../../src/manager/intake/message-verifier";
import { newId } from "../../../src/model/ids";
import { encodeMessage, UnreadableMessage } from "../../../src/model/message";
import type { ManagerStore } from "../../../src/store/store";

const task = {
  ...{ id: newId(), job: null, priority: 0, identifier: "x", payload: "{}", traceparent: null },
  ...{ version: 1, attempt: 0, attempts: 3, generation: 1, timeoutMs: 1000 },
};
const body = (key: string) => encodeMessage("work", [task], key);

const reader = new MessageReader();

/** Over a store whose answers are given one by one; an Error among them is thrown. */
function verifierOver(...answers: Array<string | null | Error>) {
  let asked = 0;
  const messageKey = async () => {
    const answer = answers[asked++]!;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const verifier = new MessageVerifier({ messageKey } as unknown as ManagerStore, silentLog, reader);
  return {
    verifier,
    asked: () => asked,
    believes: (key: string) => verifier.read(body(key)).known !== null,
  };
}

test("it asks until there is a key, and again only when one does not fit", async () => {
  const { verifier, asked, believes } = verifierOver(null, "one", "two");
  await verifier.refresh();
  expect(believes("one")).toBe(false);
  await verifier.refresh();
  await verifier.refresh();
  expect([asked(), believes("one")]).toEqual([2, true]);
  expect(believes("two")).toBe(false);
  await verifier.refresh();
  expect([asked(), believes("two")]).toEqual([3, true]);
});

test("a store that is away is asked again; one that forbids it leaves the manager without a key, and working", async () => {
  const { verifier, asked, believes } = verifierOver(new StoreUnavailable("away"), new Error("SELECT command denied"));
  await expect(verifier.refresh()).rejects.toThrow("away");
  await verifier.refresh();
  expect([asked(), believes("one")]).toEqual([2, false]);
});

test("a message that comes to one endpoint after the other is trusted by the one that has its key, and only as it was", async () => {
  const [mine, theirs] = [verifierOver("one").verifier, verifierOver("two").verifier];
  await Promise.all([mine.refresh(), theirs.refresh()]);
  const text = body("one");
  const first = mine.read(text);
  expect(first.known).toMatchObject([{ identifier: "x", payload: "{}" }]);
  expect(theirs.read(text).known).toBeNull();
  expect(mine.read(text)).toEqual(first);
  const forged = text.replace('"payload":{}', '"payload":{"rm":"-rf"}');
  expect(mine.read(forged)).toMatchObject({ message: { tasks: [{ payload: { rm: "-rf" } }] }, known: null });
  expect(() => mine.read(text.slice(1))).toThrow(UnreadableMessage);
  expect(mine.read(text)).toEqual(first);
});
