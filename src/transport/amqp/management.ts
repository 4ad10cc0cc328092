import { withoutSecrets } from "../../log";

const DEADLINE_MS = 10_000;

export interface ManagementAccess {
  /** `http://host:15672`, of RabbitMQ's management plugin. */
  managementUri: string;
  user: string;
  password: string;
}

export interface Rights {
  configure: string;
  write: string;
  read: string;
}

/** It answered with a refusal, or not at all. */
export class ManagementError extends Error {
  /** The HTTP status, null: there was no answer. */
  readonly status: number | null;
  constructor(message: string, status: number | null, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "ManagementError";
    this.status = status;
  }
}

/** The part of RabbitMQ's management API that tasker needs. Every call rejects with ManagementError; all may be repeated. */
export class Management {
  readonly base: string;
  private readonly authorization: string;

  constructor({ managementUri, user, password }: ManagementAccess) {
    const uri = new URL(managementUri);
    this.base = `${uri.origin}${uri.pathname.replace(/\/+$/, "")}`;
    this.authorization = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  }

  async overview(): Promise<{ rabbitmq_version: string }> {
    return (await this.call("GET", ["overview"])) as { rabbitmq_version: string };
  }

  async hasVhost(name: string): Promise<boolean> {
    return (await this.find(["vhosts", name])) !== null;
  }

  async putVhost(name: string): Promise<void> {
    await this.call("PUT", ["vhosts", name], {});
  }

  async deleteVhost(name: string): Promise<void> {
    await this.remove(["vhosts", name]);
  }

  /** The user's tags, null: there is no such user. */
  async userTags(name: string): Promise<string[] | null> {
    const user = (await this.find(["users", name])) as { tags?: string | string[] } | null;
    if (!user) return null;
    // 3.8 and older: one text with commas.
    return typeof user.tags === "string" ? user.tags.split(",").filter(Boolean) : (user.tags ?? []);
  }

  /** Creates the user or sets password and tags anew. */
  async putUser(name: string, password: string, tags: readonly string[]): Promise<void> {
    await this.call("PUT", ["users", name], { password, tags: tags.join(",") });
  }

  async deleteUser(name: string): Promise<void> {
    await this.remove(["users", name]);
  }

  async putPermissions(vhost: string, user: string, rights: Rights): Promise<void> {
    await this.call("PUT", ["permissions", vhost, user], rights);
  }

  private async find(path: readonly string[]): Promise<unknown> {
    try {
      return await this.call("GET", path);
    } catch (error) {
      if (error instanceof ManagementError && error.status === 404) return null;
      throw error;
    }
  }

  private async remove(path: readonly string[]): Promise<void> {
    try {
      await this.call("DELETE", path);
    } catch (error) {
      if (!(error instanceof ManagementError && error.status === 404)) throw error;
    }
  }

  private async call(method: string, path: readonly string[], body?: unknown): Promise<unknown> {
    const url = `${this.base}/api/${path.map(encodeURIComponent).join("/")}`;
    let answer: Response;
    try {
      answer = await fetch(url, {
        method,
        headers: { authorization: this.authorization, "content-type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(DEADLINE_MS),
        // A redirect would take the administrator's password elsewhere.
        redirect: "error",
      });
    } catch (error) {
      const cause = (error as Error).cause as { code?: string; message?: string } | undefined;
      const why = cause?.code ?? cause?.message ?? (error as Error).message;
      throw new ManagementError(
        `RabbitMQ's management API does not answer at ${withoutSecrets(this.base)} (${why}): is RabbitMQ running, and the plugin on (rabbitmq-plugins enable rabbitmq_management)?`,
        null,
        error,
      );
    }
    const text = await answer.text();
    if (answer.ok) return text === "" ? null : JSON.parse(text);
    const what =
      answer.status === 401
        ? "does not know the administrator's name and password (rabbitmq.user, rabbitmq.password)"
        : `answered ${answer.status} to ${method} ${path.join("/")}: ${text.slice(0, 300)}`;
    throw new ManagementError(`RabbitMQ's management API at ${this.base} ${what}`, answer.status);
  }
}
