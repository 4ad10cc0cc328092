/**
 * What a thing costs, in microseconds of CPU unless said otherwise, as measured on the machine of docs/performance.md (one
 * MariaDB, its defaults; `node bench/simulate/measure.js` measures those of the database). Change a number and run again:
 * `node bench/simulate`.
 */
module.exports = {
  /** Database: storing a task (its row and its share of the transaction); each expected response. */
  storeTask: 40,
  storeResponse: 20,
  /** Database: claim and finish of one response, in full batches and alone. */
  claimFinishBatched: 55,
  claimFinishAlone: 310,
  /** Database: storing the end of a task; reading the end of each of its responses. */
  settleTask: 20,
  settleResponse: 10,
  /** Database: a manager's heartbeat, with a statement and a commit of its own. */
  heartbeat: 150,
  /** Database: registering a manager at its start. */
  register: 2000,
  /** API: a request with one task; one task within a request of 100. */
  request: 210,
  requestInBatch: 90,
  /** Broker: a message from publish to ack, classic durable queue; a quorum queue of three writes it three times. */
  message: 110,
  quorumFactor: 3,
  /** Reconciler: milliseconds for a page of 1,000 responses that have ended (reading them, storing the ends); one page at a time. */
  reconcilerPageMs: 50,
  reconcilerPage: 1000,
  /** Memory of a connection at the database and at the broker, in MB. */
  databaseConnectionMb: 0.4,
  brokerConnectionMb: 0.1,
};
