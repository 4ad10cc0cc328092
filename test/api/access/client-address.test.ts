import type { IncomingMessage } from "node:http";
import { ClientAddress } from "../../../src/api/access/client-address";
import { configFrom } from "../../../src/config/loading/load";
import { until } from "../../support/until";
import { startTestApi } from "../support";

const from = (address: string, forwarded?: string) =>
  ({
    socket: { remoteAddress: address },
    headers: forwarded === undefined ? {} : { "x-forwarded-for": forwarded },
  }) as unknown as IncomingMessage;

describe("where a request comes from", () => {
  test.each([
    ["nobody is trusted: the connection alone counts", 0, "10.0.0.1", "1.2.3.4", "10.0.0.1"],
    ["one proxy", 1, "10.0.0.1", "1.2.3.4", "1.2.3.4"],
    ["what a client wrote itself stands further left", 1, "10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"],
    ["two proxies", 2, "10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"],
    ["more proxies than the request passed", 3, "10.0.0.1", "1.2.3.4", "1.2.3.4"],
    ["a proxy that says nothing", 1, "10.0.0.1", undefined, "10.0.0.1"],
    ["a known proxy", ["10.0.0.0/8"], "10.0.0.1", "6.6.6.6, 1.2.3.4, 10.9.9.9", "1.2.3.4"],
    ["a known proxy, seen through IPv6", ["10.0.0.1"], "::ffff:10.0.0.1", "1.2.3.4", "1.2.3.4"],
    ["somebody else who claims to be one", ["10.0.0.1"], "9.9.9.9", "1.2.3.4", "9.9.9.9"],
    ["an address with its port", 1, "10.0.0.1", "1.2.3.4:5678", "1.2.3.4"],
    ["IPv6 in brackets", ["::1"], "::1", "[2001:db8::1]:443", "2001:db8::1"],
    ["what is no address", 1, "10.0.0.1", "1.2.3.4, <script>", "10.0.0.1"],
  ] as Array<[string, number | string[], string, string | undefined, string]>)(
    "%s",
    (_what, trust, address, forwarded, expected) => {
      expect(new ClientAddress(trust).of(from(address, forwarded))).toBe(expected);
    },
  );

  test("limits of wrong keys and the audit trail are the client's, not the proxy's", async () => {
    const hash = `sha256:${"0".repeat(64)}`;
    const t = await startTestApi({ trustProxy: 1, keys: [{ name: "none", hash, scopes: ["admin"], types: null }] });
    try {
      const key = await t.key(["submit"]);
      const guess = (client: string) =>
        t.call("GET", "/tasks", undefined, { authorization: "Bearer wrong", "x-forwarded-for": client });
      for (let tries = 0; tries < 20; tries++) expect((await guess("192.0.2.1")).status).toBe(401);
      expect((await guess("192.0.2.1")).status).toBe(429);
      expect((await guess("192.0.2.2")).status).toBe(401);
      const headers = { authorization: `Bearer ${key}`, "x-forwarded-for": "192.0.2.3" };
      expect((await t.call("POST", "/app-update", { identifier: "of a client" }, headers)).status).toBe(202);
      const entry = await until("the audit row", async () => (await t.store.access.auditList(1))[0]);
      expect(entry).toMatchObject({ action: "task.create", remote: "192.0.2.3" });
    } finally {
      await t.stop();
    }
  });

  test("the setting takes a number, or addresses and networks", () => {
    const trust = (value: unknown) =>
      configFrom({ task_types: { noop: {} }, api: { trust_proxy: value } }).api.trustProxy;
    expect(configFrom({ task_types: { noop: {} } }).api.trustProxy).toBe(0);
    expect(trust(2)).toBe(2);
    expect(trust("1")).toBe(1);
    expect(trust(["10.0.0.0/8", "::1"])).toEqual(["10.0.0.0/8", "::1"]);
    for (const wrong of [true, -1, 11, ["proxy.example"], ["10.0.0.0/33"], ["10.0.0.0/8/8"], [""]]) {
      expect(() => trust(wrong)).toThrow(/trust_proxy(\[0\])?: found .*; allowed: a number of proxies/);
    }
  });
});
