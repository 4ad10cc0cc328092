import type { Config } from "../config/config";
import type { Log } from "../log";
import type { ManagerStore } from "../store/store";
import type { MessageVerifier } from "./intake/message-verifier";
import type { Counters } from "./lifecycle/counters";

/** What all parts of a manager share. */
export interface ManagerContext {
  endpoint: string;
  config: Config;
  store: ManagerStore;
  log: Log;
  counters: Counters;
  verifier: MessageVerifier;
  onAttempt?: OnAttempt;
  pace: Pace;
  /** The manager is ending in good order (drain.ts). */
  draining: boolean;
  /**
   * Aborted when the manager has stopped: what still waits for the store or the broker gives up.
   */
  over: AbortSignal;
}

export type OnAttempt = (endpoint: string, type: string, seconds: number) => void;

/** Waiting times, milliseconds. */
export interface Pace {
  /** How often running attempts are checked and waiting messages reported. */
  sweepMs: number;
  /**
   * How long an attempt runs under a verified lease before its delivery is acked; from then on the
   * lease owns the recovery.
   */
  earlyAckMs: number;
  /** An end that is not committed by then goes to the spool. */
  spoolAfterMs: number;
  /** How often progress and logs are written. */
  flushMs: number;
  /** Two rounds of the reconciler: by then what a retired predecessor ran may be claimed again. */
  reclaimMs: number;
}

/**
 * 5 minutes is far below every broker's consumer timeout (15 minutes and more), far above almost
 * every handler.
 */
export const PACE: Pace = { sweepMs: 1000, earlyAckMs: 300_000, spoolAfterMs: 1000, flushMs: 300, reclaimMs: 500 };
