import type { ApiKeyRecord, AuditEntry } from "../../store";
import { Table } from "./table";

/** The columns of `api_keys`. */
export const API_KEYS = new Table<never, ApiKeyRecord>("api_keys", {
  id: { type: "short", key: true, field: "id" },
  name: { type: "text", field: "name" },
  hash: { type: "hash", field: "hash" },
  scopes: { type: "long", field: "scopes", json: true },
  types: { type: "long", nullable: true, field: "types", json: true },
  created_at: { type: "time", field: "createdAt" },
  expires_at: { type: "time", nullable: true, field: "expiresAt" },
  last_used_at: { type: "time", nullable: true, field: "lastUsedAt" },
});

/** The columns of `audit`, the trail of who changed what. */
export const AUDIT = new Table<never, Required<AuditEntry> & { id: string }>("audit", {
  id: { type: "id", key: true, field: "id" },
  at: { type: "time", field: "at" },
  actor: { type: "text", nullable: true, field: "actor" },
  action: { type: "text", field: "action" },
  task_id: { type: "short", nullable: true, field: "taskId" },
  type: { type: "text", nullable: true, field: "type" },
  detail: { type: "long", field: "detail", json: true },
  remote: { type: "text", nullable: true, field: "remote" },
});
