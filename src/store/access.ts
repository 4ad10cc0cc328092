import type { JsonObject } from "../model/json/json";

/** API keys and the audit trail, for the code that lets callers in. */

export interface ApiKeyRecord {
  id: string;
  name: string;
  /** SHA-256 (hex) of the secret. */
  hash: string;
  scopes: string[];
  /** The types that the key may use; null: all. */
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
  /** Absent: the time of the call. */
  at?: string;
}

export interface AccessStore {
  /** Stores a new key. */
  addKey(key: Omit<ApiKeyRecord, "createdAt" | "lastUsedAt">): Promise<void>;
  /** Returns all keys, by name. */
  keys(): Promise<ApiKeyRecord[]>;
  /** Returns the key with this id, which is part of the key's text. */
  key(id: string): Promise<ApiKeyRecord | null>;
  /** Deletes the key; false: unknown. */
  removeKey(id: string): Promise<boolean>;
  /** Sets `lastUsedAt` to now. */
  touchKeys(ids: readonly string[]): Promise<void>;
  /** Appends entries. */
  audit(entries: readonly AuditEntry[]): Promise<void>;
  /** Returns a page of entries, newest first. `after`: the id of the previous page's last entry. */
  auditList(limit: number, after?: string): Promise<Array<Required<AuditEntry> & { id: string }>>;
}
