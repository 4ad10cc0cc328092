import { createHash, randomBytes } from "node:crypto";

/**
 * Users with no more rights than their part needs: one pair (database, broker) for the API, one for managers of any endpoint,
 * or one for the manager of a single endpoint. Named after the database and the vhost, so that two installations on one
 * server do not share them.
 */
export type Role =
  | { part: "api" }
  /** `types`: those it serves; left out: all. */
  | { part: "manager"; types?: readonly string[] }
  | { part: "manager"; endpoint: string; types?: readonly string[] };

export interface Wanted {
  roles: readonly Role[];
  /** Users that exist get new passwords too. */
  newPasswords: boolean;
}

/** MySQL's limit; MariaDB and RabbitMQ take more. */
const LONGEST = 32;

/** `tasker-api`, `tasker-manager`, `tasker-at-lb-1`. */
export function userName(of: string, role: Role): string {
  const base = of.replace(/[^A-Za-z0-9_.-]/g, "") || "tasker";
  const name = "endpoint" in role ? `${base}-at-${role.endpoint}` : `${base}-${role.part}`;
  if (name.length <= LONGEST) return name;
  // Cut, with a digest of the whole: long names that begin alike stay apart.
  return `${name.slice(0, LONGEST - 9)}-${createHash("sha256").update(name).digest("hex").slice(0, 8)}`;
}

export function roleTitle(role: Role): string {
  if (role.part === "api") return "the API";
  return "endpoint" in role ? `the manager of ${role.endpoint}` : "managers of any endpoint";
}

export function newPassword(): string {
  return randomBytes(24).toString("base64url");
}

/** The URI of the config with another user in it. */
export function withUser(uri: string, user: string, password: string): string {
  const url = new URL(uri);
  url.username = user;
  url.password = password;
  return url.href;
}

/** What was made, to be shown once: for each part the variables with which it connects. */
export class Secrets {
  private readonly lines = new Map<string, string[]>();

  add(role: Role, variable: string, uri: string): void {
    const title = roleTitle(role);
    this.lines.set(title, [...(this.lines.get(title) ?? []), `${variable}=${uri}`]);
  }

  /** Lines for people; none when nothing was made. */
  shown(): string[] {
    if (this.lines.size === 0) return [];
    const all = ["", "The new users' passwords are shown this once. Put into the environment"];
    for (const [title, variables] of this.lines) all.push(`of ${title}:`, ...variables.map((line) => `  ${line}`));
    return all;
  }
}
