import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Libsql from "libsql";
import { silentLog } from "../../src/log";
import { openStore } from "../../src/store/sql/open";
import type { Store } from "../../src/store/store";
import { storeContract } from "./contract";

const folder = mkdtempSync(join(tmpdir(), "tasker-store-"));
const file = join(folder, "new", "tasker.db");
let store: Store;
let beside: InstanceType<typeof Libsql>;

beforeAll(async () => {
  store = await openStore({ uri: `sqlite:${file}`, poolSize: 1, deadlineMs: 5000, tls: null, log: silentLog });
  await store.migrate();
  beside = new Libsql(file, { timeout: 5000 });
});

afterAll(async () => {
  beside.close();
  await store.close();
  rmSync(folder, { recursive: true });
});

describe("the store on SQLite", () => {
  storeContract(() => ({
    store,
    other: store,
    async sql(text, values = []) {
      const statement = beside.prepare(text);
      if (/^SELECT/.test(text)) return statement.all(...values) as Array<Record<string, unknown>>;
      statement.run(...values);
      return [];
    },
  }));
});
