import type { ApiKeyRecord, AuditEntry } from "../../store";
import { toDb } from "../times";
import { Table } from "./table";
import { LENGTHS } from "./types";

type NewKey = Omit<ApiKeyRecord, "createdAt" | "lastUsedAt">;

/** The columns of `api_keys`. */
export const API_KEYS = new Table<NewKey, ApiKeyRecord>("api_keys", {
  id: { type: "short", key: true, field: "id", first: ({ id }) => id },
  name: { type: "text", field: "name", first: ({ name }) => name },
  hash: { type: "hash", field: "hash", first: ({ hash }) => hash },
  scopes: { type: "long", field: "scopes", json: true, first: ({ scopes }) => JSON.stringify(scopes) },
  types: {
    type: "long",
    nullable: true,
    field: "types",
    json: true,
    first: ({ types }) => types && JSON.stringify(types),
  },
  created_at: { type: "time", field: "createdAt", first: (_, { now }) => now },
  expires_at: {
    type: "time",
    nullable: true,
    field: "expiresAt",
    first: ({ expiresAt }) => expiresAt && toDb(expiresAt),
  },
  last_used_at: { type: "time", nullable: true, field: "lastUsedAt" },
});

/** The columns of `audit`, the trail of who changed what. */
export const AUDIT = new Table<AuditEntry & { id: string }, Required<AuditEntry> & { id: string }>("audit", {
  id: { type: "id", key: true, field: "id", first: ({ id }) => id },
  at: { type: "time", field: "at", first: ({ at }, { now }) => (at === undefined ? now : toDb(at)) },
  // An account may be longer.
  actor: { type: "text", nullable: true, field: "actor", first: ({ actor }) => actor?.slice(0, LENGTHS.text) ?? null },
  action: { type: "text", field: "action", first: ({ action }) => action },
  task_id: { type: "short", nullable: true, field: "taskId", first: ({ taskId }) => taskId },
  type: { type: "text", nullable: true, field: "type", first: ({ type }) => type },
  detail: { type: "long", field: "detail", json: true, first: ({ detail }) => JSON.stringify(detail) },
  remote: { type: "text", nullable: true, field: "remote", first: ({ remote }) => remote },
});
