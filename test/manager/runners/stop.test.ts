import { Stop } from "../../../src/manager/runners/stop";

test("notifies once, with the first cause", () => {
  const stop = new Stop();
  const heard: string[] = [];
  stop.listen((cause) => heard.push(cause));
  expect(stop.cause).toBeNull();
  stop.notify("drain");
  stop.notify("cancel");
  expect({ heard, cause: stop.cause }).toEqual({ heard: ["drain"], cause: "drain" });
});

test("notifies no listener that was removed", () => {
  const stop = new Stop();
  stop.listen(() => {
    throw new Error("nobody listens");
  });
  stop.listen(null);
  stop.notify("cancel");
});

test("gives a signal, created before or after the notice", () => {
  const [before, after] = [new Stop(), new Stop()];
  const { signal } = before;
  expect(signal.aborted).toBe(false);
  for (const stop of [before, after]) stop.notify("lease_lost");
  for (const each of [signal, before.signal, after.signal]) {
    expect(each.aborted).toBe(true);
    expect(each.reason).toEqual(new Error("lease_lost"));
  }
});
