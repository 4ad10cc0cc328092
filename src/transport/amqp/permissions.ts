import type { Permissions } from "./management";
import { PARKING } from "./naming";

/**
 * The least rights in the vhost, as RabbitMQ's regular expressions over names (naming.ts: the first segment after `tasker.` is
 * the type and contains no dot; types called `dead` are `dead~`).
 *
 * A manager may not publish through a type's exchange nor through the default exchange (`amq.default`), so it can reach no
 * queue but the parking one; what it may write of its own queues is their bindings. It looks up the exchanges that the API made.
 */
const dots = (text: string) => text.replace(/[.+*?()[\]{}|^$\\]/g, "\\$&");
const parking = dots(PARKING);
/** A type's exchange and its shared queue have one name. */
const type = "tasker\\.(?!dead$)[^.]+";

/** Declares everything, publishes everywhere, reads nothing but what a binding needs. */
export const API_PERMISSIONS: Permissions = {
  configure: "^tasker\\..+$",
  write: "^(tasker\\..+|amq\\.default)$",
  read: "^tasker\\.[^.]+$",
};

/** A manager of any endpoint, or of the given one only. */
export function managerPermissions(endpoint: string | null): Permissions {
  const own = `${type}\\.${endpoint === null ? ".+" : dots(endpoint)}`;
  return {
    configure: `^${own}$`,
    write: `^(${own}|${parking})$`,
    read: `^(${own}|${type})$`,
  };
}
