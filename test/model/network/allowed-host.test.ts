import { readAllowedHost } from "../../../src/model/network/allowed-host";

describe("an entry of allow_hosts", () => {
  test.each([
    ["*", "pattern"],
    ["*.example.com", "pattern"],
    ["10.0.0.*", "pattern"],
    ["app.internal:*", "pattern"],
    ["http://app.internal", "URL"],
    ["app.internal:99999", "1 to 65535"],
    ["app.internal:0", "1 to 65535"],
    ["[::1]:65536", "1 to 65535"],
    ["10.0.0.0/33", "at most 32"],
    ["fd00::/129", "at most 128"],
    ["10.0.0.0/", "is no host"],
    ["010.0.0.7", "8.0.0.7"],
    ["0x7f000001", "127.0.0.1"],
    ["10.1", "10.0.0.1"],
    ["10.0.0.7-10.0.0.9", "is no host"],
    ["256.1.1.1", "is no host"],
    ["fe80::1%eth0", "zone"],
    ["metadata.google.internal:80", "metadata"],
    ["a,b", "no name"],
    ["a..b", "no name"],
    [".example.com", "no name"],
    [`${"a".repeat(250)}.internal`, "no name"],
    ["a b", ""],
    ["host:port", ""],
    ["user@host", ""],
    ["", ""],
    ["host/path", ""],
    ["[::1", ""],
  ])("%j cannot be meant, and is refused with the reason", (entry, says) => {
    expect(() => readAllowedHost(entry)).toThrow(/^".*" /);
    expect(() => readAllowedHost(entry)).toThrow(says);
  });

  test.each([
    "app.internal",
    "App_1.internal.",
    "münchen.example",
    "[fd00::7]:65535",
    "::1",
    "0.0.0.0/0",
    "::/0",
    "web:1",
  ])("%j can", (entry) => {
    expect(() => readAllowedHost(entry)).not.toThrow();
  });
});
