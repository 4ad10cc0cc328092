import { HostGuard, kindOf } from "../../../src/manager/runners/guard";

describe("the guard of HTTP calls", () => {
  test.each([
    ["127.0.0.1", "loopback"],
    ["127.255.0.9", "loopback"],
    ["::1", "loopback"],
    ["::ffff:127.0.0.1", "loopback"],
    ["::ffff:7f00:1", "loopback"],
    ["0:0:0:0:0:ffff:7f00:0001", "loopback"],
    ["::127.0.0.1", "loopback"],
    ["64:ff9b::127.0.0.1", "loopback"],
    ["2002:7f00:1::", "loopback"],
    ["169.254.169.254", "link-local or metadata"],
    ["::ffff:169.254.169.254", "link-local or metadata"],
    ["fe80::1", "link-local or metadata"],
    ["fe80::1%eth0", "link-local or metadata"],
    ["fd00:ec2::254", "link-local or metadata"],
    ["100.100.100.200", "link-local or metadata"],
    ["0.0.0.0", "reserved or multicast"],
    ["::", "reserved or multicast"],
    ["255.255.255.255", "reserved or multicast"],
    ["224.0.0.1", "reserved or multicast"],
    ["ff02::1", "reserved or multicast"],
    ["not an address", "reserved or multicast"],
    ["10.1.2.3", "private"],
    ["172.31.255.255", "private"],
    ["192.168.0.1", "private"],
    ["100.64.0.1", "private"],
    ["fd12::1", "private"],
    ["::ffff:10.0.0.7", "private"],
    ["64:ff9b::a00:7", "private"],
    ["172.32.0.1", "public"],
    ["93.184.216.34", "public"],
    ["2606:4700::1111", "public"],
  ])("%s is %s", (address, kind) => {
    expect(kindOf(address)).toBe(kind);
  });

  test("a URL's host must be listed, whatever way it is written", () => {
    const guard = new HostGuard(["App.Internal.", "10.0.0.7:8080", "::1", "[fd00::7]:90", "web:80", "192.168.0.0/16"]);
    const allowed = [
      "http://app.internal/",
      "https://APP.INTERNAL.:4444/x",
      "http://10.0.0.7:8080",
      "http://0x0a000007:8080",
      "http://[0:0:0:0:0:0:0:1]:7/",
      "http://[fd00:0::7]:90/",
      "http://web/",
      "http://192.168.3.4:99/",
    ];
    for (const url of allowed) expect([url, guard.refusesUrl(new URL(url))]).toEqual([url, null]);
    const refused = [
      "http://evil.app.internal/",
      "http://app.internal.evil/",
      "http://10.0.0.7/",
      "http://10.0.0.8:8080/",
      "http://[fd00::7]:91/",
      "https://web/",
      "http://localhost/",
      "http://127.0.0.1/",
      "http://2130706433/",
      "http://[::ffff:7f00:1]/",
      "file:///etc/passwd",
      "ftp://app.internal/",
      "data:text/plain,x",
    ];
    for (const url of refused) expect([url, guard.refusesUrl(new URL(url))]).toEqual([url, expect.any(String)]);
  });

  test("a listed name opens public addresses, and private ones if it is an internal name", () => {
    const guard = new HostGuard(["app.internal", "db", "api.example.com", "localhost"]);
    const opens = (host: string, address: string) => guard.refusesAddress(address, host, 80) === null;
    expect(opens("api.example.com", "93.184.216.34")).toBe(true);
    expect(opens("api.example.com", "10.0.0.7")).toBe(false);
    expect(opens("app.internal", "10.0.0.7")).toBe(true);
    expect(opens("db", "fd12::1")).toBe(true);
    expect(opens("localhost", "127.0.0.1")).toBe(true);
    expect(opens("localhost.", "::1")).toBe(true);
    expect(opens("localhost", "10.0.0.7")).toBe(false);
    for (const address of ["127.0.0.1", "::1", "::ffff:7f00:1", "169.254.169.254", "0.0.0.0", "fe80::1"]) {
      for (const host of ["app.internal", "db", "api.example.com"])
        expect([host, address, opens(host, address)]).toEqual([host, address, false]);
    }
  });

  test("an address or network that is itself listed is open to every listed name", () => {
    const guard = new HostGuard(["api.example.com", "127.0.0.1:8080", "10.0.0.0/8"]);
    expect(guard.refusesAddress("127.0.0.1", "api.example.com", 8080)).toBeNull();
    expect(guard.refusesAddress("127.0.0.1", "api.example.com", 80)).not.toBeNull();
    expect(guard.refusesAddress("10.9.9.9", "api.example.com", 80)).toBeNull();
  });

  test.each(["http://app.internal", "a b", "host:port", "user@host", "", "host/path"])(
    "%j is no entry of the list",
    (entry) => {
      expect(() => new HostGuard([entry])).toThrow(/allow_hosts/);
    },
  );
});
