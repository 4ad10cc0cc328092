import fc from "fast-check";
import { PERMISSIONS, type RouteId } from "../../../src/api/access/permissions";
import { Router } from "../../../src/api/request/router";
import { ROUTES } from "../../../src/api/routes";
import { newId } from "../../../src/model/ids";
import { RESERVED_TYPE_NAMES } from "../../../src/model/names";
import { rawRequest, startTestApi, type TestApi } from "../support";

const router = new Router(ROUTES, RESERVED_TYPE_NAMES);
const IDS = Object.keys(PERMISSIONS) as RouteId[];
const WORDS = [...new Set(IDS.flatMap((id) => id.split("/").slice(1)).filter((word) => !word.startsWith(":")))];

/** What a reader of the table expects: of the routes that fit, the one with the earliest fixed word. */
function readFromTable(method: string, segments: string[]): { route: RouteId; params: Record<string, string> } | null {
  const wanted = method === "HEAD" ? "GET" : method;
  const fits = IDS.flatMap((id) => {
    const [of, path] = id.split(" ") as [string, string];
    const parts = path.slice(1).split("/");
    if (of !== wanted || parts.length !== segments.length) return [];
    if (parts[0]!.startsWith(":") && RESERVED_TYPE_NAMES.includes(segments[0]!)) return [];
    if (!parts.every((part, at) => part.startsWith(":") || part === segments[at])) return [];
    return [{ id, parts, rank: parts.map((part) => (part.startsWith(":") ? "1" : "0")).join("") }];
  });
  const best = fits.sort((a, b) => (a.rank < b.rank ? -1 : 1))[0];
  if (!best) return null;
  const named = best.parts.flatMap((part, at) => (part.startsWith(":") ? [[part.slice(1), segments[at]!]] : []));
  return { route: best.id, params: Object.fromEntries(named) };
}

/** The segment with some of its characters escaped, as a client may send it. */
function spelled(segment: string, mask: boolean[]): string {
  return [...segment]
    .map((char, at) => {
      const must = encodeURIComponent(char) !== char;
      if (!must && !mask[at % mask.length]) return char;
      return [...Buffer.from(char)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
    })
    .join("");
}

const segment = fc.oneof(
  fc.constantFrom(...WORDS, ...RESERVED_TYPE_NAMES, "app-update", "db1"),
  fc.uuid(),
  fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" }),
);
const method = fc.constantFrom("GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS");
const mask = fc.array(fc.boolean(), { minLength: 1, maxLength: 8 });

describe("the router", () => {
  test("answers for any method and path what the table says, however the path is spelled", () => {
    let found = 0;
    fc.assert(
      fc.property(
        method,
        fc.array(segment, { minLength: 1, maxLength: 6 }),
        mask,
        fc.boolean(),
        (verb, segments, escapes, slash) => {
          const path = `/${segments.map((one) => spelled(one, escapes)).join("/")}${slash ? "/" : ""}`;
          const match = router.find(verb, path);
          const wanted = readFromTable(verb, segments);
          if (match) found++;
          expect(match && { route: match.route, params: match.params }).toEqual(wanted);
        },
      ),
      { numRuns: 5000 },
    );
    expect(found).toBeGreaterThan(500);
  });

  test("reaches every route of the table", () => {
    for (const id of IDS) {
      const [verb, path] = id.split(" ") as [string, string];
      const address = path.replace(/:\w+/g, "some-name");
      expect(router.find(verb, address)?.route).toBe(id);
    }
  });

  test.each(["", "/", "//", "//app-update", "/app-update//x", "/%zz", "/app-update/%", "/app-update/x//"])(
    "finds nothing at %p",
    (path) => expect(router.find("GET", path)).toBeNull(),
  );

  test("refuses a table in which two routes claim the same addresses", () => {
    const twice = { "GET /:taskType": ROUTES["GET /:taskType"], "GET /:name": ROUTES["GET /tasks"] };
    expect(() => new Router(twice, [])).toThrow("GET /:taskType and GET /:name claim the same addresses");
  });
});

describe("the API", () => {
  const uuid = newId();
  let t: TestApi;
  beforeAll(async () => {
    t = await startTestApi();
  });
  afterAll(() => t.stop());

  test("answers an endpoint whose name is a UUID, plain and escaped alike", async () => {
    await t.perform(await t.create("app-update", { endpoints: [uuid] }), uuid);
    const plain = await t.call("GET", `/endpoints/${uuid}`);
    expect([plain.status, plain.body.name]).toEqual([200, uuid]);
    const escaped = await t.call("GET", `/endpoints/${spelled(uuid, [true])}/`);
    expect([escaped.status, escaped.body.name]).toEqual([200, uuid]);
  });

  test("answers every spelling of an address alike, for every method", async () => {
    const task = await t.create();
    const paths = ["/types", "/types/app-update", `/types/${uuid}`, "/tasks", `/tasks/${uuid}`, `/endpoints/${uuid}`];
    const more = [
      `/app-update/${task.id}`,
      `/app-update/${uuid}`,
      "/app-update",
      "/nowhere",
      `/app-update/${task.id}/x`,
    ];
    for (const path of [...paths, ...more]) {
      for (const verb of ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]) {
        // What is removed the first time is not there the second time.
        const query = verb === "DELETE" ? "?dry_run=true" : "";
        const plain = await t.call(verb, `${path}${query}`);
        for (const way of [`${path}/`, spelledPath(path), `${spelledPath(path)}/`]) {
          const other = await t.call(verb, `${way}${query}`);
          expect([verb, way, other.status, other.body?.code]).toEqual([verb, way, plain.status, plain.body?.code]);
        }
      }
    }
  });

  test("takes a request line that names the whole address", async () => {
    const answer = await rawRequest(
      t.api.port,
      `GET http://127.0.0.1:80/types HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  });
});

function spelledPath(path: string): string {
  return path
    .split("/")
    .map((one) => spelled(one, [false, true]))
    .join("/");
}
