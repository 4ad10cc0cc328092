export function bytesToText(value: string | Buffer): string {
  return typeof value === "string" ? value : value.toString("utf8");
}

export async function nowOf(connection: {
  dialect: { now: string };
  query<Row>(sql: string): Promise<Row[]>;
}): Promise<string> {
  const [row] = await connection.query<{ now_at: string }>(`SELECT ${connection.dialect.now} AS now_at`);
  return row!.now_at;
}
