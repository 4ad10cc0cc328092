import { pause } from "../../../backoff";
import type { FoundQueue } from "./inspect";

/**
 * What `initialize` and `doctor` need of RabbitMQ's management API: vhosts, users, permissions,
 * queues. Every call may be repeated. Errors are sentences that name the server and what was asked,
 * never a password.
 */
export interface Permissions {
  /**
   * Regular expressions over names of queues and exchanges; "" matches nothing, "^$" only the
   * nameless.
   */
  configure: string;
  write: string;
  read: string;
}

export interface ManagementOptions {
  /** `http://host:15672`, no path needed. User and password may stand in it or beside it. */
  uri: string;
  user?: string;
  password?: string;
  /** For each call. */
  deadlineMs?: number;
}

const QUEUES_A_PAGE = 500;
const QUEUE_COLUMNS = ["name", "type", "durable", "auto_delete", "exclusive", "arguments", "messages", "consumers"];

export class ManagementError extends Error {
  /** HTTP status; 0: no answer. */
  readonly status: number;
  constructor(status: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "ManagementError";
    this.status = status;
  }
}

export class Management {
  /** For messages: `http://127.0.0.1:15672`. */
  readonly where: string;
  private readonly authorization: string;
  private readonly deadlineMs: number;

  constructor(options: ManagementOptions) {
    const url = new URL(options.uri);
    const user = options.user ?? decodeURIComponent(url.username);
    const password = options.password ?? decodeURIComponent(url.password);
    this.where = url.origin;
    this.authorization = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
    this.deadlineMs = options.deadlineMs ?? 10_000;
  }

  /**
   * Waits until the API answers and takes the administrator's password; rejects with the last
   * reason after `ms`.
   */
  async ready(ms: number): Promise<void> {
    const end = Date.now() + ms;
    for (;;) {
      try {
        await this.call("GET", "whoami", "asking who we are");
        return;
      } catch (error) {
        const refused = error instanceof ManagementError && (error.status === 401 || error.status === 403);
        if (refused || Date.now() >= end) throw error;
        await pause(250);
      }
    }
  }

  async vhostExists(vhost: string): Promise<boolean> {
    return (await this.call("GET", `vhosts/${part(vhost)}`, `looking for vhost ${vhost}`)) !== null;
  }

  async createVhost(vhost: string): Promise<void> {
    await this.call("PUT", `vhosts/${part(vhost)}`, `creating vhost ${vhost}`, {});
  }

  /** With everything in it. */
  async deleteVhost(vhost: string): Promise<void> {
    await this.call("DELETE", `vhosts/${part(vhost)}`, `deleting vhost ${vhost}`);
  }

  async userExists(user: string): Promise<boolean> {
    return (await this.call("GET", `users/${part(user)}`, `looking for user ${user}`)) !== null;
  }

  /** Creates the user or sets the password of an existing one; no administrative tags. */
  async setUser(user: string, password: string): Promise<void> {
    await this.call("PUT", `users/${part(user)}`, `setting user ${user}`, { password, tags: "" });
  }

  async deleteUser(user: string): Promise<void> {
    await this.call("DELETE", `users/${part(user)}`, `deleting user ${user}`);
  }

  /** null: the user has none in that vhost. */
  async permissions(vhost: string, user: string): Promise<Permissions | null> {
    const path = `permissions/${part(vhost)}/${part(user)}`;
    const found = await this.call("GET", path, `reading the permissions of ${user} in ${vhost}`);
    return found as Permissions | null;
  }

  async setPermissions(vhost: string, user: string, permissions: Permissions): Promise<void> {
    const path = `permissions/${part(vhost)}/${part(user)}`;
    await this.call("PUT", path, `setting the permissions of ${user} in ${vhost}`, permissions);
  }

  async deletePermissions(vhost: string, user: string): Promise<void> {
    const path = `permissions/${part(vhost)}/${part(user)}`;
    await this.call("DELETE", path, `deleting the permissions of ${user} in ${vhost}`);
  }

  /**
   * All of a vhost, in pages; null: there is no such vhost. Asks for a user with the tag
   * `management` and rights in the vhost.
   */
  async queues(vhost: string): Promise<FoundQueue[] | null> {
    const all: FoundQueue[] = [];
    for (let page = 1; ; page++) {
      const query = `?page=${page}&page_size=${QUEUES_A_PAGE}&columns=${QUEUE_COLUMNS.join(",")}`;
      const found = await this.call("GET", `queues/${part(vhost)}${query}`, `listing the queues of vhost ${vhost}`);
      if (found === null) return null;
      const { items, page_count } = found as { items: FoundQueue[]; page_count: number };
      all.push(...items);
      if (page >= page_count) return all;
    }
  }

  /** The answer's JSON; null for 404 and for an empty body. `doing` completes "… failed". */
  private async call(method: string, path: string, doing: string, body?: unknown): Promise<unknown> {
    const at = `RabbitMQ's management API at ${this.where}`;
    let answer: Response;
    let text: string;
    try {
      answer = await fetch(`${this.where}/api/${path}`, {
        method,
        headers: { authorization: this.authorization, "content-type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(this.deadlineMs),
      });
      text = await answer.text();
    } catch (error) {
      throw new ManagementError(
        0,
        `${at} does not answer while ${doing}: ${reasonOf(error)}. Is the plugin on?`,
        error,
      );
    }
    if (answer.status === 404 && method !== "PUT") return null;
    if (answer.status === 401) {
      throw new ManagementError(
        401,
        `${at} refused the administrator's user name or password (rabbitmq.user, rabbitmq.password), or the user lacks the tag management.`,
      );
    }
    if (!answer.ok)
      throw new ManagementError(answer.status, `${at} answered ${answer.status} while ${doing}: ${said(text)}`);
    return text === "" ? null : JSON.parse(text);
  }
}

function part(name: string): string {
  return encodeURIComponent(name);
}

/** `fetch failed` says nothing; its cause does. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? message;
}

function said(text: string): string {
  try {
    const { reason, error } = JSON.parse(text) as { reason?: string; error?: string };
    return reason ?? error ?? "nothing more";
  } catch {
    return text.slice(0, 200) || "nothing more";
  }
}
