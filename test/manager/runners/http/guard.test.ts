import { HostGuard } from "../../../../src/manager/runners/http/guard";
import { type AddressKind, kindOf } from "../../../../src/model/network/addresses";

describe("the guard of HTTP calls", () => {
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

  const METADATA = [
    ...["169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200", "192.0.0.192", "168.63.129.16"],
    ...["169.254.0.23", "169.254.42.42", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fe80::a9fe:a9fe%eth0"],
    ...["::ffff:169.254.169.254", "::ffff:a83f:8110", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::"],
  ];
  test.each(METADATA)(
    "%s gives secrets away: no name leads there, listed or not, nor does a listed network",
    (address) => {
      expect(kindOf(address)).toBe("cloud metadata" satisfies AddressKind);
      const [plain] = address.split("%") as [string];
      const guard = new HostGuard([
        "app.internal",
        "metadata",
        "localhost",
        "api.example.com",
        "0.0.0.0/0",
        "::/0",
        plain,
      ]);
      for (const host of ["app.internal", "metadata", "localhost", "api.example.com", "10.0.0.7"]) {
        expect([host, guard.refusesAddress(address, host, 80)]).toEqual([
          host,
          expect.stringContaining("cloud metadata"),
        ]);
      }
      const networks = new HostGuard(["0.0.0.0/0", "::/0"]);
      expect(networks.refusesAddress(plain, plain, 80)).toContain("cloud metadata");
      // Who writes the address itself, on the list and in the URL, means it.
      expect(guard.refusesAddress(plain, plain, 80)).toBeNull();
    },
  );

  test("a cloud's name of its metadata service is not called", () => {
    const guard = new HostGuard(["169.254.169.254"]);
    for (const host of ["metadata.google.internal", "METADATA.google.internal.", "metadata.goog"]) {
      expect(guard.refusesUrl(new URL(`http://${host}/`))).toContain("metadata service");
    }
  });

  test("a zone in an address is no obstacle, and opens nothing", () => {
    const guard = new HostGuard(["app.internal", "fe80::7", "10.0.0.0/8"]);
    expect(guard.refusesAddress("fe80::1%eth0", "app.internal", 80)).toContain("link-local");
    expect(guard.refusesAddress("fe80::1%25", "fe80::1%25", 80)).toContain("link-local");
    expect(guard.refusesAddress("fe80::7%eth0", "app.internal", 80)).toBeNull();
    expect(guard.refusesAddress("::1%lo", "app.internal", 80)).toContain("loopback");
  });

  test("an entry that is none is named", () => {
    expect(() => new HostGuard(["app.internal", "*.example.com"])).toThrow(
      /^http\.allow_hosts: "\*\.example\.com" is a pattern/,
    );
  });
});
