import { type Moment, Raw, Table, valueRows } from "../../../../src/store/sql/tables/table";

interface Draft {
  id: string;
  note: string | null;
  status?: string;
}

interface Item {
  id: string;
  note: string | null;
  status: string;
  tries: number;
  labels: { a: number } | null;
  madeAt: string;
  dueAt: string | null;
}

const ITEMS = new Table<Draft, Item>("items", {
  id: { type: "id", key: true, field: "id", first: ({ id }) => id },
  note: { type: "bytes", nullable: true, field: "note", first: ({ note }) => note },
  status: { type: "status", default: "new", field: "status", first: ({ status = "new" }) => status },
  tries: { type: "int", default: 0, field: "tries" },
  labels: { type: "long", nullable: true, field: "labels", json: true },
  made_at: { type: "time", field: "madeAt", first: (_, { now }) => now },
  due_at: { type: "time", nullable: true, field: "dueAt", first: (_, at) => at.delay ?? at.after(1000) },
  secret: { type: "text", nullable: true },
});

const NOW = "2026-11-28 01:02:03.004";
const at: Moment = { now: NOW, delay: null, after: (ms) => `2026-11-28 01:02:0${3 + ms / 1000}.004` };
const draft = (more: Partial<Draft> = {}) => ({ made: { id: "a", note: null, ...more }, at });

describe("the columns of a SELECT", () => {
  test("are those with a field, under its name", () => {
    expect(ITEMS.all).toBe("id, note, status, tries, labels, made_at AS madeAt, due_at AS dueAt");
  });

  test("are chosen by field, and carry the table's alias", () => {
    expect(ITEMS.select("i.", { only: ["dueAt", "id"] })).toBe("i.id, i.due_at AS dueAt");
    expect(ITEMS.select("", { without: ["labels", "madeAt", "dueAt"] })).toBe("id, note, status, tries");
  });
});

describe("a record", () => {
  test("is the driver's row, changed in place: times in RFC 3339, bytes as text, JSON parsed", () => {
    const row = { id: "a", note: Buffer.from("é"), labels: '{"a":1}', madeAt: NOW, dueAt: NOW };
    expect(ITEMS.record(row)).toBe(row);
    const time = "2026-11-28T01:02:03.004Z";
    expect(row).toEqual({ id: "a", note: "é", labels: { a: 1 }, madeAt: time, dueAt: time });
  });

  test("keeps NULL, text and columns that were not selected", () => {
    expect(ITEMS.record({ note: "text", labels: null, dueAt: null, now_at: NOW })).toEqual({
      ...{ note: "text", labels: null, dueAt: null, now_at: NOW },
    });
  });
});

describe("new rows", () => {
  test("have the columns that need a value or have a default", () => {
    const rows = ITEMS.firstRows([draft()], false);
    expect(rows.columns).toEqual(["id", "note", "status", "tries", "made_at", "due_at"]);
    expect(valueRows(rows)).toEqual([["a", null, "new", 0, NOW, "2026-11-28 01:02:04.004"]]);
  });

  test("leave out, if sparse, what begins as the table does in all of them", () => {
    expect(ITEMS.firstRows([draft(), draft()], true).columns).toEqual(["id", "made_at", "due_at"]);
  });

  test("have a column, if sparse, as soon as one of them differs", () => {
    const rows = ITEMS.firstRows([draft(), draft({ id: "b", note: "n", status: "old" })], true);
    expect(rows.columns).toEqual(["id", "note", "status", "made_at", "due_at"]);
    expect(valueRows(rows).map((row) => row.slice(0, 3))).toEqual([
      ["a", null, "new"],
      ["b", "n", "old"],
    ]);
  });

  test("may hold SQL in place of values", () => {
    const now = new Raw("@now");
    const { columns, cells } = ITEMS.firstRows([{ ...draft(), at: { now, delay: now, after: () => now } }], true);
    expect(columns).toEqual(["id", "made_at", "due_at"]);
    expect(cells).toEqual([["a"], [now], [now]]);
  });

  test("are known as records without reading them", () => {
    expect(ITEMS.inserted({ id: "a", note: "n" }, { ...at, delay: NOW })).toEqual({
      ...{ id: "a", note: "n", status: "new", tries: 0, labels: null },
      ...{ madeAt: "2026-11-28T01:02:03.004Z", dueAt: "2026-11-28T01:02:03.004Z" },
    });
  });
});
