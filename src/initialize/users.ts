import { createHash, randomBytes } from "node:crypto";

/**
 * Users with the least rights: one pair (database, broker) for the API, one for managers of any
 * endpoint, or one for the manager of a single endpoint. Their names begin with the database or
 * vhost, so that installations do not share them.
 */
export type Role =
  | { part: "api" }
  /** `types`: the types it serves. @default all */
  | { part: "manager"; types?: readonly string[] }
  | { part: "manager"; endpoint: string; types?: readonly string[] };

export interface Wanted {
  roles: readonly Role[];
  /** Existing users receive new passwords too. */
  newPasswords: boolean;
}

/** MySQL's limit; MariaDB and RabbitMQ take more. */
const MAX_LENGTH = 32;

/** `tasker-api`, `tasker-manager`, `tasker-at-lb-1`. */
export function userName(of: string, role: Role): string {
  const base = of.replace(/[^A-Za-z0-9_.-]/g, "") || "tasker";
  const name = "endpoint" in role ? `${base}-at-${role.endpoint}` : `${base}-${role.part}`;
  if (name.length <= MAX_LENGTH) return name;
  // The digest of the whole name keeps long names with the same beginning apart.
  return `${name.slice(0, MAX_LENGTH - 9)}-${createHash("sha256").update(name).digest("hex").slice(0, 8)}`;
}

export function roleTitle(role: Role): string {
  if (role.part === "api") return "the API";
  return "endpoint" in role ? `the manager of ${role.endpoint}` : "managers of any endpoint";
}

export function newPassword(): string {
  return randomBytes(24).toString("base64url");
}

/** The URI with another user. */
export function withUser(uri: string, user: string, password: string): string {
  const url = new URL(uri);
  url.username = user;
  url.password = password;
  return url.href;
}

/** The new passwords, to be shown once: for each role the variables with which it connects. */
export class Secrets {
  private readonly lines = new Map<string, string[]>();

  add(role: Role, variable: string, uri: string): void {
    const title = roleTitle(role);
    this.lines.set(title, [...(this.lines.get(title) ?? []), `${variable}=${uri}`]);
  }

  /** Lines for people; none without new passwords. */
  shown(): string[] {
    if (this.lines.size === 0) return [];
    const all = ["", "The new users' passwords are shown this once. Put into the environment"];
    for (const [title, variables] of this.lines) all.push(`of ${title}:`, ...variables.map((line) => `  ${line}`));
    return all;
  }
}
