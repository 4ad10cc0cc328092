import type { Config } from "../config/config";
import type { BrokerUsers } from "../recorder/authors";
import { brokerAddress } from "./broker";
import { userName } from "./users";

/** The users that `tasker initialize` makes, and the one that a small installation shares. */
export function brokerUsers({ broker, taskTypes }: Config): BrokerUsers {
  const { vhost, user } = brokerAddress(broker.uri);
  const unlimited = [user, userName(vhost, { part: "api" })];
  const ofAll = [...unlimited, userName(vhost, { part: "manager" })];
  const submitted = new Set(Object.values(taskTypes).flatMap(({ submits }) => submits ?? []));
  return {
    isOfAll: (name) => ofAll.includes(name),
    nameAt: (endpoint) => userName(vhost, { part: "manager", endpoint }),
    mayRequest: (name, type) => unlimited.includes(name) || submitted.has(type),
  };
}
