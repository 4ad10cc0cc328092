import mysql, { type Pool, type PoolConnection, type PoolOptions } from "mysql2";

/**
 * mysql2's pools of one database. A fault of a connection or the server (read-only, changed rights,
 * shutdown) also concerns the connections opened before it. The idle ones are destroyed with it,
 * the busy ones when they are released. An era is the time between two such faults.
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

  /** Destroys the connection, and all of its era. */
  retire(connection: PoolConnection): void {
    destroy(connection);
    // Its era has ended already.
    if (this.opened.get(connection) !== this.era) return;
    this.era++;
    this.endIdle();
  }

  endIdle(): void {
    for (const connection of this.idle) destroy(connection);
    this.idle.clear();
  }

  /** Resolves once every connection has ended in good order. */
  async end(): Promise<void> {
    await Promise.all(this.pools.map((pool) => new Promise<void>((resolve) => pool.end(() => resolve()))));
  }
}

/** The driver waits for the server to close the socket, which a frozen server never does. */
export function destroy(raw: PoolConnection): void {
  raw.destroy();
  (raw as unknown as { stream?: { destroy(): void } }).stream?.destroy();
}
