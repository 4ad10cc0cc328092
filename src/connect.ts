import type { Config } from "./config/config";
import type { Log } from "./log";
import { openStore } from "./store/sql/open";
import type { Store } from "./store/store";
import { createAmqpTransport } from "./transport/amqp/transport";
import { createEmbeddedTransport } from "./transport/embedded";
import type { Transport } from "./transport/transport";

/** The only place that knows which store and which transport a config means. Opens nothing that must answer at once. */
export async function connectStore(config: Config, log: Log, more: { exclusive: boolean }): Promise<Store> {
  return openStore({ ...config.database, exclusive: more.exclusive, log });
}

/** `name` is shown by the broker as the connection's name. `consumesOnly`: a process without an API. */
export function connectTransport(
  config: Config,
  log: Log,
  name: string,
  more: { consumesOnly?: boolean } = {},
): Transport {
  if (config.broker.uri.startsWith("embedded:")) return createEmbeddedTransport({ log });
  return createAmqpTransport({ ...config.broker, ...more, log, name });
}
