import { Stop } from "../../../src/manager/runners/stop";

test("is told once, with the first cause", () => {
  const stop = new Stop();
  const heard: string[] = [];
  stop.listen((cause) => heard.push(cause));
  expect(stop.cause).toBeNull();
  stop.tell("drain");
  stop.tell("cancel");
  expect({ heard, cause: stop.cause }).toEqual({ heard: ["drain"], cause: "drain" });
});

test("whoever has stopped listening hears nothing", () => {
  const stop = new Stop();
  stop.listen(() => {
    throw new Error("nobody listens");
  });
  stop.listen(null);
  stop.tell("cancel");
});

test("gives a signal to who wants one, before or after it was told", () => {
  const [before, after] = [new Stop(), new Stop()];
  const { signal } = before;
  expect(signal.aborted).toBe(false);
  for (const stop of [before, after]) stop.tell("lease_lost");
  for (const each of [signal, before.signal, after.signal]) {
    expect(each.aborted).toBe(true);
    expect(each.reason).toEqual(new Error("lease_lost"));
  }
});
