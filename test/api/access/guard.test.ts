import type { IncomingMessage } from "node:http";
import { checkHost, checkOrigin } from "../../../src/api/access/guard";

const request = (headers: Record<string, string>) => ({ headers }) as unknown as IncomingMessage;

describe("the Host header without keys", () => {
  test.each(["localhost", "localhost:3000", "127.0.0.1:80", "[::1]:3000", "LOCALHOST:1"])("%s is answered", (host) => {
    expect(() => checkHost(request({ host }))).not.toThrow();
  });
  test.each([
    "evil.example",
    "evil.example:3000",
    "127.0.0.1.evil.example",
    "localhost@evil.example",
    "",
    "127.0.0.1:3000:1",
  ])("%j is refused", (host) => {
    expect(() => checkHost(request({ host }))).toThrow(/localhost, 127\.0\.0\.1 or \[::1\]/);
  });
  test("none is refused", () => {
    expect(() => checkHost(request({}))).toThrow();
  });
});

describe("a change asked for by a page", () => {
  test("of the same site is let through", () => {
    expect(() => checkOrigin(request({ origin: "http://localhost:3000", host: "localhost:3000" }))).not.toThrow();
    expect(() =>
      checkOrigin(request({ "sec-fetch-site": "same-origin", origin: "https://t", host: "x" })),
    ).not.toThrow();
  });
  test("of another site is refused", () => {
    expect(() => checkOrigin(request({ origin: "http://evil.example", host: "localhost:3000" }))).toThrow(
      /another site/,
    );
    expect(() => checkOrigin(request({ origin: "null", host: "localhost:3000" }))).toThrow();
    expect(() => checkOrigin(request({ "sec-fetch-site": "cross-site", host: "localhost:3000" }))).toThrow();
    expect(() => checkOrigin(request({ "sec-fetch-site": "same-site", host: "localhost:3000" }))).toThrow();
  });
  test("and by a program is let through", () => {
    expect(() => checkOrigin(request({ host: "localhost:3000" }))).not.toThrow();
  });
});
