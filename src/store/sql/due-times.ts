import { PUBLISH_GRACE_MS } from "../store";

/** Times until a running response is due that depend on other times. */

/**
 * A claimed response is due after this, unless its manager reports it under way before. A new
 * response is due within the publish grace: not later, so a claim leaves its `due_at` where it is.
 */
export const CLAIM_VISIT_MS = PUBLISH_GRACE_MS;

/**
 * This long after its timeout an attempt must have ended: a manager that still runs it confirms it.
 */
export const CONFIRM_AFTER_MS = 30_000;

/** This long after its timeout an attempt is overdue: its manager has had time to confirm it. */
export const OVERDUE_AFTER_MS = 2 * CONFIRM_AFTER_MS;
