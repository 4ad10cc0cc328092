import { UnreadableMessage } from "../model/message";
import type { Delivery } from "../transport/transport";

/** The broker's users whose names say what they are, by the rules of `tasker initialize`. */
export interface BrokerUsers {
  /** Users that may speak for every endpoint. */
  readonly ofAll: readonly string[];
  /** The user that belongs to this endpoint alone. */
  nameAt(endpoint: string): string;
}

/**
 * Who may say what. The broker checks that a message names its user rightly, but only where it
 * names one; so a message without a user is refused. An endpoint's own user speaks for that
 * endpoint alone.
 */
export class Authors {
  constructor(private readonly users: BrokerUsers) {}

  /** Throws UnreadableMessage where the author may not speak for one of the endpoints. */
  assertMay(delivery: Delivery, endpoints: Iterable<string | null>): void {
    const { author, headers } = delivery;
    if (author === null) throw new UnreadableMessage("no_author", "it does not name its user (`user_id`)");
    if (headers.CC !== undefined) throw new UnreadableMessage("no_author", "it came by a `CC` header");
    if (this.users.ofAll.includes(author)) return;
    for (const endpoint of new Set(endpoints)) {
      if (endpoint === null || this.users.nameAt(endpoint) === author) continue;
      throw new UnreadableMessage("foreign", `the user ${author} does not speak for endpoint ${endpoint}`);
    }
  }
}
