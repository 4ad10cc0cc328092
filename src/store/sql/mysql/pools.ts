import mysql, { type Pool, type PoolConnection, type PoolOptions } from "mysql2";

/**
 * mysql2's pools of one database, whose connections can be ended at once. What befalls a connection
 * and is no fault of the statement's (the server may only be read, a right came or went, it shuts
 * down) has befallen those that were opened before it as well: the ones that lie idle are ended
 * with it, the others when they are given back.
 */
export class Pools {
  private readonly pools: Pool[] = [];
  private readonly idle = new Set<PoolConnection>();
  private readonly opened = new WeakMap<PoolConnection, number>();
  private era = 0;

  add(options: PoolOptions): Pool {
    const pool = mysql.createPool(options);
    pool.on("connection", (connection) => {
      this.opened.set(connection, this.era);
      connection.on("error", () => this.idle.delete(connection));
    });
    pool.on("acquire", (connection) => void this.idle.delete(connection));
    pool.on("release", (connection) => void this.idle.add(connection));
    this.pools.push(pool);
    return pool;
  }

  release(connection: PoolConnection): void {
    if (this.opened.get(connection) === this.era) connection.release();
    else destroy(connection);
  }

  /** Ends the connection, and all that were opened before now. */
  retire(connection: PoolConnection): void {
    destroy(connection);
    // One of an earlier era tells nothing new.
    if (this.opened.get(connection) !== this.era) return;
    this.era++;
    this.endIdle();
  }

  endIdle(): void {
    for (const connection of this.idle) destroy(connection);
    this.idle.clear();
  }

  /** Resolves when every connection has said good-bye. */
  async end(): Promise<void> {
    await Promise.all(this.pools.map((pool) => new Promise<void>((resolve) => pool.end(() => resolve()))));
  }
}

/**
 * The driver only ends its side politely: a frozen server would never answer that, and the socket
 * would stay.
 */
export function destroy(raw: PoolConnection): void {
  raw.destroy();
  (raw as unknown as { stream?: { destroy(): void } }).stream?.destroy();
}
