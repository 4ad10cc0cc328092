import type { JsonObject } from "../model/json/json";

/** Keys and the audit trail: the face of the store for whoever lets people in. */

export interface ApiKeyRecord {
  id: string;
  name: string;
  /** SHA-256 (hex) of the secret. */
  hash: string;
  scopes: string[];
  /** Types it may touch; null: all. */
  types: string[] | null;
  createdAt: string;
  expiresAt: string | null;
  lastUsedAt: string | null;
}

export interface AuditEntry {
  actor: string | null;
  action: string;
  taskId: string | null;
  type: string | null;
  detail: JsonObject;
  remote: string | null;
  at?: string;
}

export interface AccessStore {
  addKey(key: Omit<ApiKeyRecord, "createdAt" | "lastUsedAt">): Promise<void>;
  keys(): Promise<ApiKeyRecord[]>;
  /** By the id that stands in the key's text. */
  key(id: string): Promise<ApiKeyRecord | null>;
  removeKey(id: string): Promise<boolean>;
  touchKeys(ids: readonly string[]): Promise<void>;
  audit(entries: readonly AuditEntry[]): Promise<void>;
  auditList(limit: number, after?: string): Promise<Array<Required<AuditEntry> & { id: string }>>;
}
