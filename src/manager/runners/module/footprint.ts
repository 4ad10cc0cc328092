import { EventEmitter } from "node:events";
import Module from "node:module";
import type { HandlerEnvironment } from "../../../config/handler-environment";

/** Taken before user code runs: a handler may replace what it finds in its process. */
const { ownKeys, getOwnPropertyDescriptor, getPrototypeOf } = Reflect;
const { is } = Object;
const { cwd, chdir, umask, eventNames, listenerCount } = process;

/** Ids and the mask of new files, where the system has them. */
const IDENTITY = [process.getuid, process.geteuid, process.getgid, process.getegid, () => umask()];
/** What Node and its libraries keep up to date themselves. */
const VOLATILE = new Set<string | symbol>(["_events", "_eventsCount"]);
/** Node's own fetch leaves its dispatcher there when it is first used. */
const BY_NODE = /^Symbol\(undici\.globalDispatcher/;

interface Watched {
  name: string;
  object: object;
  prototype: object | null;
  size: number;
  keys: Array<string | symbol>;
  values: unknown[];
  accessors: Array<{ key: string | symbol; get: unknown; set: unknown }>;
}

/**
 * What a process is like once its handler is loaded: working folder, environment, known globals,
 * listeners of `process`. After an attempt folder and environment are put back; whatever else the
 * handler has changed is named, and no other attempt may meet it. What modules keep for themselves
 * is theirs: a connection or a cache that lives on is what a process is reused for.
 */
export class Footprint {
  private readonly folder = folderNow();
  private readonly identity = identityNow();
  private readonly exitCode = process.exitCode;
  private readonly title = process.title;
  private readonly writes = [process.stdout.write, process.stderr.write];
  private readonly listeners = listenersNow();
  private readonly watched = knownObjects().map(([name, object]) => watch(name, object));

  constructor(private readonly environment: HandlerEnvironment) {
    environment.settle();
  }

  /**
   * Puts folder and environment back, and names the folder if that fails; null: all is as it was.
   * Cheap.
   */
  restorePlace(): string | null {
    this.environment.restore();
    if (folderNow() === this.folder) return null;
    try {
      chdir(this.folder ?? "/");
    } catch {
      // The folder is gone, or may no longer be entered.
    }
    return folderNow() === this.folder ? null : "the working folder";
  }

  /** The same, and names the first thing else that is not as it was. */
  restore(): string | null {
    const place = this.restorePlace();
    if (place !== null) return place;
    if (identityNow() !== this.identity) return "the process's user, group or umask";
    if (process.exitCode !== this.exitCode) return "process.exitCode";
    if (process.title !== this.title) return "process.title";
    if (process.stdout.write !== this.writes[0]) return "process.stdout.write";
    if (process.stderr.write !== this.writes[1]) return "process.stderr.write";
    if (listenersNow() !== this.listeners) return "the listeners of process";
    for (const watched of this.watched) {
      const key = changedKey(watched);
      if (key !== null) return key === "" ? watched.name : `${watched.name}.${String(key)}`;
    }
    return null;
  }
}

function folderNow(): string | null {
  try {
    return cwd();
  } catch {
    return null;
  }
}

function identityNow(): string {
  return IDENTITY.map((of) => of?.call(process)).join();
}

function listenersNow(): string {
  return eventNames
    .call(process)
    .map((name) => `${String(name)} ${listenerCount.call(process, name)}`)
    .join();
}

/**
 * The globals of the language and of Node, with what their constructors and prototypes hold. None
 * is made by looking at it.
 */
function knownObjects(): Array<[string, object]> {
  const found = new Map<object, string>();
  const add = (name: string, value: unknown): void => {
    const known = (typeof value === "object" && value !== null) || typeof value === "function";
    if (known && !found.has(value)) found.set(value, name);
  };
  add("globalThis", globalThis);
  for (const key of ownKeys(globalThis)) {
    const value = getOwnPropertyDescriptor(globalThis, key)?.value;
    if (typeof key !== "string") continue;
    add(key, value);
    if (typeof value === "function") {
      add(`${key}.prototype`, getOwnPropertyDescriptor(value, "prototype")?.value);
    }
  }
  for (const [name, value] of Object.entries({ process, EventEmitter, Module })) {
    add(name, value);
    add(`${name}.prototype`, (value as { prototype?: unknown }).prototype);
  }
  return [...found].map(([object, name]) => [name, object]);
}

function watch(name: string, object: object): Watched {
  const own = ownKeys(object);
  const watched: Watched = {
    name,
    object,
    prototype: getPrototypeOf(object),
    size: own.length,
    keys: [],
    values: [],
    accessors: [],
  };
  for (const key of own) {
    const property = getOwnPropertyDescriptor(object, key)!;
    if (VOLATILE.has(key)) continue;
    if (!("value" in property)) watched.accessors.push({ key, get: property.get, set: property.set });
    else if (property.writable || property.configurable) {
      watched.keys.push(key);
      watched.values.push(property.value);
    }
  }
  return watched;
}

/** The key of the first change; "" where that is the prototype, null where there is none. */
function changedKey(watched: Watched): string | symbol | null {
  const { object, prototype, keys, values, accessors } = watched;
  if (getPrototypeOf(object) !== prototype) return "";
  for (let i = 0; i < keys.length; i++) {
    if (!is((object as Record<string | symbol, unknown>)[keys[i]!], values[i])) return keys[i]!;
  }
  for (const { key, get, set } of accessors) {
    const now = getOwnPropertyDescriptor(object, key);
    if (now?.get === get && now?.set === set) continue;
    if (!madeOnDemand(get, now)) return key;
  }
  return addedKey(watched);
}

/**
 * Node puts many globals in their place when they are first read: the getter's value is what stands
 * there then.
 */
function madeOnDemand(get: unknown, now: PropertyDescriptor | undefined): boolean {
  if (typeof get !== "function" || now === undefined || !("value" in now)) return false;
  try {
    return get.call(globalThis) === now.value;
  } catch {
    return false;
  }
}

function addedKey(watched: Watched): string | symbol | null {
  const own = ownKeys(watched.object);
  if (own.length === watched.size) return null;
  const before = new Set([...watched.keys, ...watched.accessors.map(({ key }) => key)]);
  const added = own.filter((key) => {
    const property = getOwnPropertyDescriptor(watched.object, key)!;
    return !before.has(key) && !VOLATILE.has(key) && (property.writable || property.configurable);
  });
  const strange = added.find((key) => !BY_NODE.test(String(key)));
  if (strange !== undefined) return strange;
  for (const key of added) {
    watched.keys.push(key);
    watched.values.push((watched.object as Record<string | symbol, unknown>)[key]);
  }
  watched.size = own.length;
  return null;
}
