import type { Command } from "commander";
import type { Config } from "../../config/config";
import { ConfigError } from "../../errors";
import { isName } from "../../model/names";
import { serve } from "./serve";

export function register(program: Command): void {
  program
    .command("manager")
    .description("Run the manager of one endpoint")
    .option("--endpoint <name>", "the endpoint's name (default: TASKER_ENDPOINT, or manager.endpoint of the config)")
    .action((options: { endpoint?: string }) =>
      serve({
        process: "manager",
        parts: (config) => ({ api: false, endpoints: endpointsOf(config, options.endpoint) }),
        readyLine: ({ managers }) => {
          const endpoints = managers.map(({ endpoint }) => endpoint).join(", ");
          return `tasker manager is ready at endpoint ${endpoints} (${managers[0]!.types.join(", ") || "it serves no types"})`;
        },
      }),
    );
}

/** Throws ConfigError. */
function endpointsOf(config: Config, named: string | undefined): string[] {
  const endpoints = named ? [named] : config.manager.endpoints;
  if (config.broker.uri.startsWith("embedded:")) {
    throw new ConfigError([
      "a manager in a process of its own needs a broker: `broker.uri` is embedded:, which lives in one process; use `tasker up`, or set broker.uri to amqp://…",
    ]);
  }
  if (endpoints.length === 0)
    throw new ConfigError(["no endpoint is named: use --endpoint NAME, TASKER_ENDPOINT or manager.endpoint"]);
  const wrong = endpoints.find((name) => !isName(name));
  if (wrong === undefined) return endpoints;
  throw new ConfigError([
    `${JSON.stringify(wrong)} is not an endpoint's name: it must match ^[a-z0-9][a-z0-9._-]{0,62}$`,
  ]);
}
