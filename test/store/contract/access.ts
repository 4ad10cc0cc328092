import type { Subject } from "../contract";
import { fresh } from "../support";

export function accessContract(subject: () => Subject): void {
  describe("API keys and the audit trail", () => {
    it("stores, finds, touches and removes keys", async () => {
      const { store } = subject();
      const key = {
        id: fresh("key"),
        name: "ci",
        hash: "a".repeat(64),
        scopes: ["read", "submit"],
        types: ["app-update"],
        expiresAt: "2999-01-01T00:00:00.000Z",
      };
      const open = { ...key, id: fresh("key"), types: null, expiresAt: null };
      await store.access.addKey(key);
      await store.access.addKey(key);
      await store.access.addKey(open);
      expect(await store.access.key(key.id)).toEqual({ ...key, createdAt: expect.any(String), lastUsedAt: null });
      await store.access.touchKeys([key.id, "é", "unknown"]);
      expect((await store.access.key(key.id))!.lastUsedAt).not.toBeNull();
      const mine = (await store.access.keys()).filter(({ id }) => id === key.id || id === open.id);
      expect(mine.map(({ types }) => types)).toEqual([["app-update"], null]);
      expect(await store.access.removeKey(key.id)).toBe(true);
      expect(await store.access.removeKey(key.id)).toBe(false);
      expect(await store.access.key("é😀' OR 1=1")).toBeNull();
    });

    it("lists the trail, newest first, page by page", async () => {
      const { store } = subject();
      const entry = (n: number) => ({
        actor: "ann",
        action: "cancel",
        taskId: `t${n}`,
        type: "app-update",
        detail: { n, text: "😀\0" },
        remote: "::1",
      });
      await store.access.audit([]);
      await store.access.audit([entry(1), entry(2)]);
      await store.access.audit([{ ...entry(3), actor: null, at: "2001-01-01T00:00:00.000Z" }]);
      const first = await store.access.auditList(2);
      expect(first).toMatchObject([{ ...entry(3), actor: null, at: "2001-01-01T00:00:00.000Z" }, entry(2)]);
      expect((await store.access.auditList(1, first[1]!.id))[0]).toMatchObject(entry(1));
      expect(await store.access.auditList(1, "é")).toEqual([]);
    });
  });
}
