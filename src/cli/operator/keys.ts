import { userInfo } from "node:os";
import { type Command, InvalidArgumentError, Option } from "commander";
import { newApiKey } from "../../api/access/keys";
import type { Config } from "../../config/config";
import { SCOPES } from "../../model/scopes";
import type { ApiKeyRecord, AuditEntry } from "../../store/store";
import { EXIT } from "../exit-codes";
import { CliError } from "../failure";
import { collect, timeFrom } from "../input";
import type { Result } from "../output";
import { act, examples, type Session, withOutput } from "../session";
import { standardStreams } from "../stdio";
import { configOf, type ServerOptions, typeOf, withConfig, withStore } from "./on-server";

interface CreateOptions extends ServerOptions {
  name: string;
  scope: string[];
  types?: string[];
  expires?: string;
}

export function register(program: Command): void {
  const keys = program
    .command("keys")
    .description("Manage API keys, on the server itself: they are written into its database")
    .addHelpText(
      "after",
      examples("tasker keys create --name deploy --scope submit,read --types app-update --expires 90d"),
    );
  const create = keys
    .command("create")
    .description("Create a key; it is shown once and stored only as a digest")
    .requiredOption("--name <name>", "what it is for, 1 to 100 characters", keyName)
    .addOption(
      new Option("--scope <scopes>", `what it may do: ${SCOPES.join(", ")}`).argParser(scopes).makeOptionMandatory(),
    )
    .option("--types <types>", "only these task types", collect)
    .option("--expires <time>", "when it expires: 90d, or 2030-01-31", timeFrom("future"));
  act(withOutput(withConfig(create)), createKey);
  act(withOutput(withConfig(keys.command("list").description("List the keys, without their secrets"))), listKeys);
  const revoke = keys.command("revoke").description("Revoke a key").argument("<id>", "its id or its name");
  act(withOutput(withConfig(revoke)), revokeKey);
}

async function createKey({ out }: Session, options: CreateOptions): Promise<void> {
  const config = configOf(options);
  for (const type of options.types ?? []) typeOf(config, type);
  const key = newApiKey();
  const record = {
    id: key.id,
    name: options.name,
    scopes: options.scope,
    types: options.types ?? null,
    expiresAt: options.expires ?? null,
  };
  const first = await withStore(config, async ({ access }) => {
    const known = await access.keys();
    if (known.some((other) => other.name === options.name)) {
      throw new CliError(
        EXIT.conflict,
        `There is a key named ${JSON.stringify(options.name)} already`,
        "choose another name, or revoke it with `tasker keys revoke`",
      );
    }
    await access.addKey({ ...record, hash: key.hash });
    await access.audit([change("key.create", record.name, record.scopes)]);
    return known.length === 0 && config.api.keys.length === 0;
  });
  const { id, name, scopes, types, expiresAt } = record;
  out.result({
    json: { key: key.text, id, name, scopes, types, expires_at: expiresAt },
    ids: [key.text],
    columns: ["KEY"],
    rows: [[key.text]],
  });
  await removeUnseen(config, record);
  if (!out.plain) return;
  out.say("This is the only time that the key is shown. Give it to clients as TASKER_API_KEY.");
  if (first) out.say("It is the first key: from now on every request needs one.");
}

/** Removes the key again if it could not be shown. Throws CliError then. */
async function removeUnseen(config: Config, record: { id: string; name: string; scopes: string[] }): Promise<void> {
  await standardStreams.flush();
  if (standardStreams.exitCode(EXIT.done) === EXIT.done) return;
  await withStore(config, async ({ access }) => {
    await access.removeKey(record.id);
    await access.audit([change("key.revoke", record.name, record.scopes)]);
  });
  throw new CliError(EXIT.output, "The key could not be shown, so it was removed again", "make a new one");
}

async function listKeys({ out }: Session, options: ServerOptions): Promise<void> {
  const all = await withStore(configOf(options), ({ access }) => access.keys());
  const keys = all.filter((key) => !isSession(key));
  out.result(keysResult(keys));
}

function keysResult(keys: readonly ApiKeyRecord[]): Result {
  return {
    json: {
      items: keys.map((key) => ({
        id: key.id,
        name: key.name,
        scopes: key.scopes,
        types: key.types,
        created_at: key.createdAt,
        expires_at: key.expiresAt,
        last_used_at: key.lastUsedAt,
      })),
    },
    ids: keys.map((key) => key.id),
    columns: ["ID", "NAME", "SCOPES", "TYPES", "CREATED", "EXPIRES", "LAST USED"],
    rows: keys.map((key) => [
      key.id,
      key.name,
      key.scopes.join(","),
      key.types?.join(",") ?? "all",
      key.createdAt,
      key.expiresAt ?? "never",
      key.lastUsedAt ?? "never",
    ]),
    none: "There are no keys in the database: the API listens on loopback only, and everybody there may do everything (keys of the config apart).",
  };
}

/** An operator on the server has no key, so the audit trail names the account. */
function change(action: string, key: string, scopes: readonly string[]): AuditEntry {
  return {
    actor: `${account()} on the server`,
    action,
    taskId: null,
    type: null,
    detail: { key, scopes: [...scopes] },
    remote: null,
  };
}

function account(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a user id that has no name.
    return `user ${process.getuid?.() ?? "unknown"}`;
  }
}

async function revokeKey({ out }: Session, text: string, options: ServerOptions): Promise<void> {
  const revoked = await withStore(configOf(options), async ({ access }) => {
    const found = (await access.keys()).filter((key) => key.id === text || key.name === text);
    if (found.length === 0)
      throw new CliError(EXIT.notFound, `There is no key ${JSON.stringify(text)}`, "`tasker keys list` shows them");
    for (const key of found) await access.removeKey(key.id);
    await access.audit(found.map((key) => change("key.revoke", key.name, key.scopes)));
    return found;
  });
  out.result({ ...keysResult(revoked), json: { revoked: revoked.map((key) => key.id) } });
  if (out.plain) out.say("Revoked. A server that runs refuses it within seconds.");
}

function keyName(text: string): string {
  const length = [...text].length;
  if (length < 1 || length > 100 || /\p{Cc}/u.test(text)) throw new InvalidArgumentError("write 1 to 100 characters");
  return text;
}

function scopes(text: string, before?: string[]): string[] {
  const all = collect(text, before);
  const wrong = all.find((scope) => !(SCOPES as readonly string[]).includes(scope));
  if (wrong !== undefined)
    throw new InvalidArgumentError(`${JSON.stringify(wrong)} is not one of ${SCOPES.join(", ")}`);
  return [...new Set(all)];
}

/** A session of the web pages is stored as a key that ends with its parent. It is not listed. */
function isSession(key: ApiKeyRecord): boolean {
  return key.scopes.some((scope) => scope.startsWith("session:"));
}
