import type { Config } from "./config/config";
import type { Log } from "./log";
import { openStore } from "./store/sql/open";
import type { Store } from "./store/store";
import { createAmqpTransport } from "./transport/amqp/transport";
import { createEmbeddedTransport } from "./transport/embedded";
import type { Transport } from "./transport/transport";

/** Only this file selects the store and transport of a config. The servers need not be up yet. */
export async function connectStore(config: Config, log: Log, more: { exclusive: boolean }): Promise<Store> {
  return openStore({ ...config.database, exclusive: more.exclusive, log });
}

/**
 * `name`: the connection's name at the broker. `consumesOnly`: a process without an API. `calls`:
 * it makes calls to the recorder.
 */
export function connectTransport(
  config: Config,
  log: Log,
  name: string,
  more: { consumesOnly?: boolean; calls?: boolean } = {},
): Transport {
  if (config.broker.uri.startsWith("embedded:")) return createEmbeddedTransport({ log });
  return createAmqpTransport({ ...config.broker, ...more, ...soonerBack(config, more.calls), log, name });
}

/** A manager that reports over the broker is to be heard again before its time to live is over. */
function soonerBack({ manager }: Config, calls = false): { maxDelayMs?: number } {
  return calls ? { maxDelayMs: Math.min(30_000, manager.ttlMs / 3) } : {};
}
