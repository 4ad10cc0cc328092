import { TransportError } from "../../errors";
import { newId } from "../../model/ids";
import { encodeReports } from "../../recorder/wire";
import type { Transport } from "../../transport/transport";

const PATIENCE_MS = 2000;

/**
 * Whether every report that the broker has confirmed by now is in the store. An empty report goes
 * through the queue behind them, and the recorder answers it once all before it is committed.
 * Without a broker there are no reports.
 *
 * What looks lost may have ended, with its end still in that queue. So a row is read, then this is
 * asked, and only then is anything done about the row: if the end has been recorded meanwhile, the
 * row's version has changed, and nothing happens to it.
 */
export async function allRecorded(transport: Transport): Promise<boolean> {
  if (transport.kind === "embedded") return true;
  const messageId = newId();
  const message = { messageId, correlationId: messageId, type: "recorder", body: encodeReports({}) };
  try {
    await transport.call({ ...message, address: { to: "reports" }, deadlineMs: PATIENCE_MS });
    return true;
  } catch (error) {
    if (error instanceof TransportError) return false;
    throw error;
  }
}
