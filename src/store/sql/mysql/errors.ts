import { describeError } from "../../../describe-error";
import { StoreUnavailable } from "../../../errors";

/**
 * What to do about a failed call:
 *   again    the transaction was rolled back (deadlock, lock timeout): repeat it
 *   lost     the connection broke, the outcome is unknown: repeat it on another connection
 *   refused  no connection, or a read-only one: try others for a second
 *   away     no use in trying (wrong password, no database, no tables, a missing right, disk full)
 *   other    the caller's error
 *
 * `again` and `other` are about the statement. The others are about the connection or the server,
 * and concern every connection opened before (pools.ts).
 */
export type Fault = "again" | "lost" | "refused" | "away" | "other";

const AGAIN = new Set([1213, 1205, 1020, 1412, 1969, 3024, 3101]);
const LOST = new Set([
  ...[1053, 1077, 1079, 1080, 1152, 1158, 1159, 1160, 1161, 1180, 1184, 1317, 1927, 3169, 4031],
  // A proxy has lost the connection's state: its database, its prepared statements.
  ...[1046, 1243, 1615],
]);
/**
 * A read-only server, a replica after a fail-over, a Galera node not ready, a group without quorum.
 */
const READ_ONLY = [1015, 1036, 1047, 1290, 1792, 1836, 1874, 3100];
const REFUSED = new Set([1040, 1041, 1129, 1135, 1203, 1226, 1461, 1637, 3032, 3168, ...READ_ONLY]);
const AWAY = new Set([1021, 1026, 1030, 1044, 1045, 1049, 1054, 1114, 1130, 1142, 1143, 1146, 1698]);
const LOST_CODES = new Set([
  "PROTOCOL_CONNECTION_LOST",
  "ECONNRESET",
  "EPIPE",
  "ECONNABORTED",
  "ETIMEDOUT",
  "PROTOCOL_PACKETS_OUT_OF_ORDER",
]);
const REFUSED_CODES = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "ENOENT"]);

interface DriverError {
  errno?: number;
  code?: string;
  fatal?: boolean;
  message: string;
}

export function faultOf(error: unknown): Fault {
  const { errno = 0, code = "", fatal, message = "" } = error as DriverError;
  if (AGAIN.has(errno)) return "again";
  if (AWAY.has(errno)) return "away";
  if (REFUSED.has(errno) || REFUSED_CODES.has(code)) return "refused";
  // A packet that is too large ends the connection, too, but a repetition would fail as well.
  if (errno === 1153) return "other";
  if (LOST.has(errno) || LOST_CODES.has(code) || fatal === true || /closed state/.test(message)) return "lost";
  return "other";
}

/** Whether the fault is about the connection or the server. */
export function endsConnection(fault: Fault): boolean {
  return fault !== "again" && fault !== "other";
}

export function unavailable(where: string, error: unknown): StoreUnavailable {
  const { errno } = error as DriverError;
  const reason = describeError(error, "sentence");
  if (errno === 1146 || errno === 1054) {
    return new StoreUnavailable(
      `The database ${where} does not have tasker's tables as they should be (${reason}): run \`npx tasker initialize\`.`,
      error,
    );
  }
  if (errno === 1142 || errno === 1143) {
    return new StoreUnavailable(
      `The database ${where} does not give this user a right that is needed (${reason}): run \`npx tasker initialize\` with the same options as for this user.`,
      error,
    );
  }
  return new StoreUnavailable(`The database ${where} cannot be used now: ${reason}.`, error);
}
