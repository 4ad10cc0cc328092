/** What a manager has done since its start: numbers that only grow, for metrics to read. */
export interface Counters {
  deliveries: number;
  parked: number;
  /** Deliveries acked while an attempt of theirs went on under a verified lease. */
  ackedEarly: number;
  claimCalls: number;
  granted: number;
  /** Begun before the claim. */
  begun: number;
  refusedUnknown: number;
  refusedFinal: number;
  refusedHeld: number;
  refusedNotDue: number;
  finishCalls: number;
  succeeded: number;
  failed: number;
  retrying: number;
  cancelled: number;
  /** Given back by a drain, the attempt not charged. */
  released: number;
  superseded: number;
  /** Results that the store would not take, or that were over the limit. */
  notStorable: number;
  spooled: number;
  replayed: number;
  heartbeats: number;
  /** Times this manager registered again after being declared dead or retired. */
  incarnationsLost: number;
  leasesLost: number;
}

export function newCounters(): Counters {
  return {
    deliveries: 0,
    parked: 0,
    ackedEarly: 0,
    claimCalls: 0,
    granted: 0,
    begun: 0,
    refusedUnknown: 0,
    refusedFinal: 0,
    refusedHeld: 0,
    refusedNotDue: 0,
    finishCalls: 0,
    succeeded: 0,
    failed: 0,
    retrying: 0,
    cancelled: 0,
    released: 0,
    superseded: 0,
    notStorable: 0,
    spooled: 0,
    replayed: 0,
    heartbeats: 0,
    incarnationsLost: 0,
    leasesLost: 0,
  };
}
