import type { Band } from "../../model/priority";
import type { Address } from "../transport";

/**
 * What things are called in the broker (docs/wire.md). Pure; the same in both transports.
 *
 * Names of types and endpoints may contain dots, so `tasker.a.b` could be type `a.b` or endpoint
 * `b` of type `a`. A type's dots are therefore written `~`, which no name contains: the first
 * segment after `tasker.` is the type, the rest is the endpoint.
 */
const PREFIX = "tasker";

/** Queue, and exchange of the same name, for messages that cannot be understood. */
export const PARKING = `${PREFIX}.dead`;

/**
 * An exchange that is not durable: it is gone once the broker has been restarted. No type has an
 * exchange of this name.
 */
export const BOOT_MARK = `${PREFIX}.:boot`;

/** Exchange of what managers send to the recorder, and its queues; bound by their own names. */
export const RECORDER = `${PREFIX}.:recorder`;
export const REPORTS = `${PREFIX}.:reports`;
/** The argument by which one consumer of the reports at a time gets them. */
export const ORDERED = "x-single-active-consumer";
export const CALLS = `${PREFIX}.:calls`;

/** Routing key of every endpoint queue of a type. No endpoint can be called so. */
export const ALL_KEY = "*";

/** Routing key of a shared queue: `+`, `+1`, `+2`. No endpoint can be called so. */
export function oneKey(band: Band): string {
  return band === 0 ? "+" : `+${band}`;
}

function typeSegment(type: string): string {
  // A type called `dead` must not meet the parking queue.
  return type === "dead" ? "dead~" : type.replaceAll(".", "~");
}

export function exchangeName(type: string): string {
  return `${PREFIX}.${typeSegment(type)}`;
}

/** Queue of a `deliver: one` type, one for each band of priorities. No name contains a colon. */
export function sharedQueueName(type: string, band: Band = 0): string {
  const name = `${PREFIX}.${typeSegment(type)}`;
  return band === 0 ? name : `${name}:${band}`;
}

export function endpointQueueName(type: string, endpoint: string): string {
  return `${PREFIX}.${typeSegment(type)}.${endpoint}`;
}

/** The queue an address names; null for `all`, which names many. */
export function queueName(address: Address): string | null {
  switch (address.to) {
    case "endpoint":
      return endpointQueueName(address.type, address.endpoint);
    case "one":
      return sharedQueueName(address.type, address.band);
    case "dead":
      return PARKING;
    case "reports":
      return REPORTS;
    case "calls":
      return CALLS;
    case "reply":
      return address.name;
    case "all":
      return null;
  }
}

/** Exchange and routing key of a publish. The default exchange reaches an endpoint's queue. */
export function route(address: Address): { exchange: string; key: string } {
  switch (address.to) {
    case "endpoint":
      return { exchange: "", key: endpointQueueName(address.type, address.endpoint) };
    case "all":
      return { exchange: exchangeName(address.type), key: ALL_KEY };
    case "one":
      return { exchange: exchangeName(address.type), key: oneKey(address.band ?? 0) };
    case "dead":
      return { exchange: PARKING, key: PARKING };
    case "reports":
      return { exchange: RECORDER, key: REPORTS };
    case "calls":
      return { exchange: RECORDER, key: CALLS };
    case "reply":
      return { exchange: "", key: address.name };
  }
}

/** An address in words, for messages and logs. */
export function describeAddress(address: Address): string {
  return address.to === "all" ? `every endpoint of ${address.type}` : `queue ${queueName(address)}`;
}
