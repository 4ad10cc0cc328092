import { BANDS } from "../../model/priority";
import type { TypeTopology } from "../transport";
import {
  ALL_KEY,
  CALLS,
  endpointQueueName,
  exchangeName,
  oneKey,
  PARKING,
  RECORDER,
  REPORTS,
  sharedQueueName,
} from "./naming";

/** What is to exist in the broker. Pure. */
export type Declaration =
  | { kind: "exchange"; name: string }
  /** `ordered`: one of its consumers at a time gets its messages, in their order. */
  | { kind: "queue"; name: string; ordered?: true }
  | { kind: "binding"; exchange: string; queue: string; key: string };

/** What belongs together: an exchange, or a queue with its exchange and its bindings. */
export interface DeclarationGroup {
  /** The queue's name, or `exchange …` where there is no queue. */
  name: string;
  queue: string | null;
  declarations: readonly Declaration[];
}

function queueGroup(exchange: string, queue: string, keys: readonly string[]): DeclarationGroup {
  const bindings = keys.map((key): Declaration => ({ kind: "binding", exchange, queue, key }));
  const declarations: Declaration[] = [
    { kind: "exchange", name: exchange },
    { kind: "queue", name: queue },
  ];
  return { name: queue, queue, declarations: [...declarations, ...bindings] };
}

/** A group for each queue, so that each is looked up and repaired independently. */
export function typeGroups({ type, deliver }: TypeTopology): DeclarationGroup[] {
  const exchange = exchangeName(type);
  if (deliver === "one") return BANDS.map((band) => queueGroup(exchange, sharedQueueName(type, band), [oneKey(band)]));
  return [{ name: `exchange ${exchange}`, queue: null, declarations: [{ kind: "exchange", name: exchange }] }];
}

export function endpointGroup(type: string, endpoint: string): DeclarationGroup {
  return queueGroup(exchangeName(type), endpointQueueName(type, endpoint), [endpoint, ALL_KEY]);
}

export const PARKING_GROUP = queueGroup(PARKING, PARKING, [PARKING]);
export const CALLS_GROUP = queueGroup(RECORDER, CALLS, [CALLS]);
export const REPORTS_GROUP: DeclarationGroup = {
  ...{ name: REPORTS, queue: REPORTS },
  declarations: [
    { kind: "exchange", name: RECORDER },
    { kind: "queue", name: REPORTS, ordered: true },
    { kind: "binding", exchange: RECORDER, queue: REPORTS, key: REPORTS },
  ],
};

/** Whether the group has a queue or an exchange of that name. */
export function mentions({ declarations }: DeclarationGroup, name: string): boolean {
  return declarations.some((one) => one.kind !== "binding" && one.name === name);
}

/** For messages to people. */
export function describe(declaration: Declaration): string {
  return declaration.kind === "binding"
    ? `binding ${declaration.queue} to ${declaration.exchange}`
    : `declaring ${declaration.kind} ${declaration.name}`;
}
