import { type Connection, createConnection } from "mysql2/promise";
import { silentLog } from "../../src/log";
import { openStore } from "../../src/store/sql/open";
import type { Store } from "../../src/store/store";
import { createDatabase, type Scratch } from "../support/services";
import { storeContract } from "./contract";

let scratch: Scratch;
let store: Store;
let other: Store;
let beside: Connection;

beforeAll(async () => {
  scratch = await createDatabase("store");
  const options = { uri: scratch.uri, poolSize: 5, deadlineMs: 10_000, tls: null, log: silentLog };
  [store, other] = await Promise.all([openStore(options), openStore(options)]);
  await store.migrate();
  beside = await createConnection({ uri: scratch.uri, dateStrings: true });
});

afterAll(async () => {
  await beside.end();
  await Promise.all([store.close(), other.close()]);
  await scratch.drop();
});

describe("the store on MariaDB", () => {
  storeContract(() => ({
    store,
    other,
    async sql(text, values = []) {
      const [rows] = await beside.query(text, values);
      return Array.isArray(rows) ? (rows as Array<Record<string, unknown>>) : [];
    },
  }));
});
