import { allows, PERMISSIONS } from "../../../src/api/access/permissions";
import { SCOPES } from "../../../src/model/scopes";

describe("permissions", () => {
  test("only health and the API's own description are public, and nothing that changes is open to a reader", () => {
    const lines = Object.entries(PERMISSIONS);
    expect(lines.filter(([, scope]) => scope === "public").map(([route]) => route)).toEqual([
      "GET /livez",
      "GET /readyz",
      "GET /openapi.json",
      "GET /docs",
      "GET /docs/problems",
    ]);
    for (const [route, scope] of lines) {
      if (route.startsWith("POST ") && scope !== "session") expect(["submit", "operate", "admin"]).toContain(scope);
    }
  });

  test("admin includes all, operate includes read, and nothing else includes anything", () => {
    const table = SCOPES.map((has) => SCOPES.filter((needed) => allows([has], needed)));
    expect(table).toEqual([["read"], ["submit"], ["read", "operate"], ["read", "submit", "operate", "admin"]]);
    expect(allows(["__proto__", "constructor", "toString", ""], "read")).toBe(false);
    expect(allows([], "read")).toBe(false);
  });
});
