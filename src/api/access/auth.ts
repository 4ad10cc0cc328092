import type { IncomingMessage } from "node:http";
import { MemoryStore, type Options } from "express-rate-limit";
import type { Config } from "../../config/config";
import { StoreUnavailable, TaskerError } from "../../errors";
import type { Log } from "../../log";
import { SCOPES } from "../../model/scopes";
import type { AccessStore, ApiKeyRecord } from "../../store/store";
import type { ClientAddress } from "./client-address";
import { bringsKey, presentedKeys } from "./credentials";
import { digest, sameDigest, splitKey } from "./keys";
import { checkCsrf, parentOf, sessionKey } from "./session";
import { isOver, Sessions } from "./sessions";

/** Who asks. */
export interface Identity {
  /** The key's name; null without keys. */
  name: string | null;
  scopes: readonly string[];
  /** Types it may touch, null: all. */
  types: readonly string[] | null;
  keyId: string | null;
  /** The session that a browser shows in place of the key; null: none. */
  sessionId: string | null;
}

/** Who asks while no key exists. */
export const ANYONE: Identity = { name: null, scopes: SCOPES, types: null, keyId: null, sessionId: null };

/** Stored keys are read again after this long: a removed key is refused within it. */
const FRESH_MS = 5_000;
/** While the database is away, they count for this long. */
const STALE_MS = 60_000;
/** While they count, a request waits no longer than this for them to be read. */
const PATIENCE_MS = 500;
const TOUCH_MS = 30_000;
const WRONG_KEYS = { windowMs: 60_000, limit: 20 };

/**
 * Finds out who asks. Keys come from the config (checked whole) and from the store (by the id in
 * their text). Stored ones are held in memory and refreshed every 5 s, so that a request costs one
 * digest and no query.
 *
 *   no key exists, loopback ──▶ anyone may do everything
 *   no key exists, other address ──▶ nobody (only after the last key was removed)
 *   keys exist ──▶ a valid one, or 401; 429 after too many wrong ones from an address
 */
export class Auth {
  private stored = new Map<string, ApiKeyRecord>();
  private readonly sessions: Sessions;
  private loadedAt = Number.NEGATIVE_INFINITY;
  private loading: Promise<void> | null = null;
  private readonly touched = new Set<string>();
  private readonly wrong = new MemoryStore();
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly config: Config,
    private readonly access: AccessStore,
    private readonly log: Log,
    private readonly loopback: boolean,
    private readonly clientAddress: ClientAddress,
  ) {
    this.sessions = new Sessions(access);
    this.wrong.init({ windowMs: WRONG_KEYS.windowMs } as Options);
    this.timer = setInterval(() => void this.flushTouched(), TOUCH_MS).unref();
  }

  /** Whether any key exists. Rejects with StoreUnavailable when only the store knows. */
  async hasKeys(): Promise<boolean> {
    if (this.config.api.keys.length > 0) return true;
    await this.refresh();
    return this.stored.size > 0;
  }

  /**
   * Throws TaskerError `unauthenticated`, `forbidden` (a session's request that shows no token),
   * `rate_limited` or `database_unavailable`.
   *
   * @param changes the request is to change something, whatever its method
   */
  async identify(req: IncomingMessage, urlKey: string | null, changes = false): Promise<Identity> {
    const presented = presentedKeys(req, urlKey);
    for (const key of presented) {
      const identity = this.configured(key);
      if (identity) return identity;
    }
    const brings = bringsKey(req, urlKey);
    const session = brings ? null : sessionKey(req);
    if (!brings && session === null && this.config.api.keys.length > 0) throw needsKey();
    await this.refresh();
    if (this.loopback && this.config.api.keys.length === 0 && this.stored.size === 0) return ANYONE;
    if (session !== null) return this.ofSession(session, req, changes);
    if (!brings) throw needsKey();
    return this.check(presented, req);
  }

  /**
   * Whether this identity would be let in now: for what is held open for long. While the store is
   * away, it is.
   */
  async stillKnows(identity: Identity): Promise<boolean> {
    try {
      await this.refresh();
      if (identity === ANYONE) return this.stored.size === 0;
      const { keyId, sessionId } = identity;
      if (sessionId !== null && (await this.sessions.record(sessionId)) === null) return false;
      return keyId === null || identityOf(this.stored.get(keyId) ?? (await this.access.key(keyId))) !== null;
    } catch {
      return true;
    }
  }

  /** Exchanges a key for a session. Throws as `identify` does. */
  async beginSession(key: string, req: IncomingMessage): Promise<{ identity: Identity; sessionKey: string }> {
    const configured = this.configured(key);
    await this.refresh();
    const identity = configured ?? (await this.check([key], req));
    return { identity, sessionKey: await this.sessions.begin(identity) };
  }

  /** Ends the session of the request's cookie. Resolves to whose it was, or null. */
  async endSession(req: IncomingMessage): Promise<Identity | null> {
    const key = sessionKey(req);
    if (key === null) return null;
    await this.refresh();
    const identity = await this.ofSession(key, req, true);
    await this.sessions.end(identity.sessionId!);
    return identity;
  }

  private async check(presented: readonly string[], req: IncomingMessage): Promise<Identity> {
    for (const key of presented) {
      const identity = this.remembered(key);
      if (identity) return this.used(identity);
    }
    const remote = this.clientAddress.of(req) ?? "unknown";
    await this.refuseGuessers(remote);
    for (const key of presented) {
      const identity = await this.lookUp(key);
      if (identity) return this.used(identity);
    }
    await this.wrong.increment(remote);
    throw new TaskerError("unauthenticated", "The API key is not valid: it is unknown, expired or removed");
  }

  /** A session may do what its key may do now, and nothing when that is gone. */
  private async ofSession(key: string, req: IncomingMessage, changes: boolean): Promise<Identity> {
    const record = await this.sessions.find(key);
    if (record) {
      checkCsrf(req, key, changes);
      const parent = parentOf(record)!;
      const identity =
        "configured" in parent ? this.named(parent.configured) : identityOf(this.stored.get(parent.keyId));
      if (identity) return this.used({ ...identity, sessionId: record.id });
    }
    throw new TaskerError("unauthenticated", "The session is over: log in again");
  }

  private named(name: string): Identity | null {
    const key = this.config.api.keys.find((entry) => entry.name === name);
    return key ? ofConfig(key) : null;
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    this.wrong.shutdown();
    await this.flushTouched();
  }

  private configured(key: string): Identity | null {
    if (this.config.api.keys.length === 0) return null;
    const whole = digest(key);
    const parts = splitKey(key);
    const secret = parts && digest(parts.secret);
    const found = this.config.api.keys.find(
      ({ hash }) => sameDigest(hash, whole) || (secret && sameDigest(hash, secret)),
    );
    return found ? ofConfig(found) : null;
  }

  private remembered(key: string): Identity | null {
    const parts = splitKey(key);
    const record = parts && this.stored.get(parts.id);
    return record && sameDigest(record.hash, digest(parts.secret)) ? identityOf(record) : null;
  }

  /** A key made a moment ago is not in memory yet: it must work at once. */
  private async lookUp(key: string): Promise<Identity | null> {
    const parts = splitKey(key);
    if (!parts || this.stored.has(parts.id)) return null;
    const record = await this.access.key(parts.id);
    if (!record || parentOf(record) || !sameDigest(record.hash, digest(parts.secret))) return null;
    this.stored.set(record.id, record);
    return identityOf(record);
  }

  private async refuseGuessers(remote: string): Promise<void> {
    const { totalHits = 0, resetTime } = (await this.wrong.get(remote)) ?? {};
    if (totalHits < WRONG_KEYS.limit) return;
    const seconds = resetTime ? Math.max(1, Math.ceil((resetTime.getTime() - Date.now()) / 1000)) : 60;
    throw new TaskerError("rate_limited", `Too many wrong API keys came from this address: wait ${seconds} s`, {
      retryAfter: seconds,
    });
  }

  private used(identity: Identity): Identity {
    if (identity.keyId !== null) this.touched.add(identity.keyId);
    return identity;
  }

  private async refresh(): Promise<void> {
    const age = performance.now() - this.loadedAt;
    if (age < FRESH_MS) return;
    this.loading ??= this.load().finally(() => {
      this.loading = null;
    });
    if (age < STALE_MS) return atMost(this.loading, PATIENCE_MS);
    try {
      await this.loading;
    } catch (error) {
      throw error instanceof TaskerError ? error : new StoreUnavailable("The API keys cannot be read", error);
    }
  }

  private async load(): Promise<void> {
    const records = await this.access.keys();
    const isSession = (record: ApiKeyRecord) => parentOf(record) !== null;
    this.stored = new Map(records.filter((record) => !isSession(record)).map((record) => [record.id, record]));
    this.sessions.replace(records.filter(isSession));
    this.loadedAt = performance.now();
  }

  private async flushTouched(): Promise<void> {
    if (this.touched.size === 0) return;
    const ids = [...this.touched];
    this.touched.clear();
    try {
      await this.access.touchKeys(ids);
    } catch (error) {
      this.log.warn({ err: error }, "When the API keys were last used could not be noted");
    }
  }
}

/** Resolves when the work has ended in whatever way, or after `ms`. */
function atMost(work: Promise<unknown>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    work.then(done, done);
  });
}

function ofConfig({ name, scopes, types }: Config["api"]["keys"][number]): Identity {
  return { name, scopes, types, keyId: null, sessionId: null };
}

function needsKey(): TaskerError {
  return new TaskerError(
    "unauthenticated",
    "This request needs an API key: send it as Authorization: Bearer <key>, X-Api-Key, or the password of HTTP Basic",
  );
}

function identityOf(record: ApiKeyRecord | null | undefined): Identity | null {
  if (!record || isOver(record)) return null;
  return { name: record.name, scopes: record.scopes, types: record.types, keyId: record.id, sessionId: null };
}
