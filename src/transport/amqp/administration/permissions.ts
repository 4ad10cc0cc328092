import { BANDS } from "../../../model/priority";
import type { TypeTopology } from "../../transport";
import { endpointQueueName, PARKING, RECORDER, sharedQueueName } from "../naming";
import type { Permissions } from "./management";

/**
 * The least rights in the vhost, as RabbitMQ's regular expressions over names (naming.ts).
 *
 * What there is in the broker is the API's: it declares every exchange and queue and binds them. A
 * manager consumes what is its own, parks what it cannot read, and reports to the recorder. It
 * declares nothing, binds nothing (that takes a right to write a queue), and publishes neither
 * through a type's exchange nor through the default one. So it reaches no queue but the parking one
 * and those of the recorder.
 */
const dots = (text: string) => text.replace(/[.+*?()[\]{}|^$\\]/g, "\\$&");
const oneOf = (names: readonly string[]) => names.join("|");

/** Declares everything, publishes everywhere, reads nothing but what a binding needs. */
export const API_PERMISSIONS: Permissions = {
  configure: "^tasker\\..+$",
  write: "^(tasker\\..+|amq\\.default)$",
  read: "^tasker\\.[^.]+$",
};

/**
 * A manager of any endpoint, or of the given one only. `types`: those that it serves; of one that
 * is delivered to one it reads the shared queues. `named`: nothing but those; else also its queues
 * of `deliver: each` types that come later.
 */
export function managerPermissions(
  endpoint: string | null,
  types: readonly TypeTopology[],
  named: boolean,
): Permissions {
  const shared = types
    .filter(({ deliver }) => deliver === "one")
    .flatMap(({ type }) => BANDS.map((band) => dots(sharedQueueName(type, band))));
  const at = endpoint === null ? ".+" : dots(endpoint);
  const own = named
    ? types.filter(({ deliver }) => deliver === "each").map(({ type }) => `${dots(endpointQueueName(type, ""))}${at}`)
    : [`tasker\\.[^.]+\\.${at}`];
  return {
    configure: "^$",
    write: `^(${oneOf([PARKING, RECORDER].map(dots))})$`,
    read: `^(${oneOf([...own, ...shared])})$`,
  };
}
