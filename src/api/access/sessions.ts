import type { AccessStore, ApiKeyRecord } from "../../store/store";
import { digest, newApiKey, sameDigest, splitKey } from "./keys";
import { parentOf, SESSION_HOURS, sessionOf } from "./session";

/** Most sessions of one key. One more ends the oldest. */
const MAX_SESSIONS = 100;

/** The sessions in the store that this process knows; others are looked up. */
export class Sessions {
  private known = new Map<string, ApiKeyRecord>();

  constructor(private readonly access: AccessStore) {}

  replace(records: readonly ApiKeyRecord[]): void {
    this.known = new Map(records.map((record) => [record.id, record]));
  }

  /** Resolves to the new session's key. */
  async begin(parent: Parameters<typeof sessionOf>[0]): Promise<string> {
    const made = newApiKey();
    const mark = sessionOf(parent);
    const record = {
      id: made.id,
      name: `session of ${parent.name}`,
      hash: made.hash,
      scopes: [mark],
      types: null,
      expiresAt: new Date(Date.now() + SESSION_HOURS * 3_600_000).toISOString(),
    };
    await this.access.addKey(record);
    this.known.set(made.id, { ...record, createdAt: "", lastUsedAt: null });
    // Counted after it was added: of many at once, in several processes, the last one sees all.
    for (const old of surplus(await this.access.keys(), mark)) if (old.id !== made.id) await this.end(old.id);
    return made.text;
  }

  async end(id: string): Promise<void> {
    this.known.delete(id);
    await this.access.removeKey(id);
  }

  /** The session whose key this is; null: there is none, or it is over. */
  async find(key: string): Promise<ApiKeyRecord | null> {
    const parts = splitKey(key);
    const record = parts && (await this.record(parts.id));
    return record && sameDigest(record.hash, digest(parts.secret)) ? record : null;
  }

  /** The session of that id; null: there is none, or it is over. */
  async record(id: string): Promise<ApiKeyRecord | null> {
    // One that another process began a moment ago is not known yet.
    const record = this.known.get(id) ?? (await this.access.key(id));
    if (!record || parentOf(record) === null || isOver(record)) return null;
    this.known.set(id, record);
    return record;
  }
}

/** Sessions that are over, and the key's oldest beyond MAX_SESSIONS: all live equally long. */
function surplus(records: readonly ApiKeyRecord[], mark: string): ApiKeyRecord[] {
  const sessions = records.filter((record) => parentOf(record) !== null);
  const open = sessions.filter((record) => record.scopes.includes(mark) && !isOver(record));
  open.sort((a, b) => Date.parse(a.expiresAt!) - Date.parse(b.expiresAt!));
  return [...sessions.filter(isOver), ...open.slice(0, Math.max(0, open.length - MAX_SESSIONS))];
}

export function isOver(record: Pick<ApiKeyRecord, "expiresAt">): boolean {
  return record.expiresAt !== null && Date.parse(record.expiresAt) <= Date.now();
}
