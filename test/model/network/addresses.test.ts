import { isLoopback, kindOf } from "../../../src/model/network/addresses";

describe("an address", () => {
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
    ["169.254.1.1", "link-local"],
    ["169.254.169.254", "cloud metadata"],
    ["::ffff:169.254.169.254", "cloud metadata"],
    ["fe80::1", "link-local"],
    ["fe80::1%eth0", "link-local"],
    ["::ffff:127.0.0.1%1", "loopback"],
    ["fd00:ec2::254", "cloud metadata"],
    ["100.100.100.200", "cloud metadata"],
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
});

describe("this machine alone", () => {
  test.each([
    ...["127.0.0.1", "127.9.9.9", "::1", "[::1]", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"],
    ...["localhost", "LOCALHOST", "localhost."],
  ])("is at %s", (host) => {
    expect(isLoopback(host)).toBe(true);
  });
  test.each([
    ...["0.0.0.0", "::", "10.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::"],
    ...["example.org", "localhost.example.org", "127.0.0.1.example.org", ""],
  ])("is not at %j", (host) => {
    expect(isLoopback(host)).toBe(false);
  });
});
