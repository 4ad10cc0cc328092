import { UnreadableMessage } from "../model/message";
import type { RecorderStore } from "../store/store";
import type { Delivery } from "../transport/transport";

/** The broker's users whose names say what they are, by the rules of `tasker initialize`. */
export interface BrokerUsers {
  /** Whether the user may speak for every endpoint. */
  isOfAll(user: string): boolean;
  /** The user that belongs to this endpoint alone. */
  nameAt(endpoint: string): string;
  /** Whether the user may ask for tasks of the type: managers may, where a type `submits` it. */
  mayRequest(user: string, type: string): boolean;
}

const MAX_REMEMBERED = 20_000;

/**
 * Who may say what. The broker checks that a message names its user rightly, but only where it
 * names one; so a message without a user is refused. An endpoint's own user speaks for that
 * endpoint and its managers alone. Everything here throws UnreadableMessage.
 */
export class Authors {
  /** Endpoints by manager id. */
  private readonly managers = new Map<string, string>();

  constructor(
    private readonly users: BrokerUsers,
    private readonly store: Pick<RecorderStore, "endpointsOf">,
  ) {}

  assertMay(delivery: Delivery, endpoints: Iterable<string | null>): void {
    const { author, headers } = delivery;
    if (author === null) throw new UnreadableMessage("no_author", "it does not name its user (`user_id`)");
    if (headers.CC !== undefined) throw new UnreadableMessage("no_author", "it came by a `CC` header");
    if (this.users.isOfAll(author)) return;
    for (const endpoint of new Set(endpoints)) {
      if (endpoint === null || this.users.nameAt(endpoint) === author) continue;
      throw foreign(author, `endpoint ${endpoint}`);
    }
  }

  /** For managers that the author names by their ids; one that nobody knows is no other's. */
  async assertOwn({ author }: Delivery, managerIds: readonly string[]): Promise<void> {
    if (author === null || managerIds.length === 0 || this.users.isOfAll(author)) return;
    const unknown = managerIds.filter((id) => !this.managers.has(id));
    if (unknown.length > 0) {
      if (this.managers.size > MAX_REMEMBERED) this.managers.clear();
      for (const [id, endpoint] of await this.store.endpointsOf(unknown)) this.managers.set(id, endpoint);
    }
    for (const id of managerIds) {
      const endpoint = this.managers.get(id);
      if (endpoint !== undefined && this.users.nameAt(endpoint) !== author) throw foreign(author, `manager ${id}`);
    }
  }

  assertMayRequest({ author }: Delivery, type: string): void {
    if (author !== null && this.users.mayRequest(author, type)) return;
    throw new UnreadableMessage("foreign", `no type has ${type} under \`submits\` in the config`);
  }
}

function foreign(author: string, whom: string): UnreadableMessage {
  return new UnreadableMessage("foreign", `the user ${author} does not speak for ${whom}`);
}
