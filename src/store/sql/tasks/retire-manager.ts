import { LIVING } from "../conditions";
import type { Connection } from "../connection";
import { leasesAreDue } from "../managers/register";

/** Ends the incarnation and makes its leases due. */
export async function retireManager(connection: Connection, id: string, endpoint: string): Promise<void> {
  const { now } = connection.dialect;
  await connection.run(`UPDATE managers SET state = 'retired', stopped_at = ${now} WHERE id = ? AND ${LIVING}`, [id]);
  await leasesAreDue(connection, id, endpoint);
}
