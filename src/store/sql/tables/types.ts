import type { EntitySchemaColumnOptions } from "typeorm";

/** The most characters of columns that take text from outside. */
export const LENGTHS = { text: 190, account: 400, message: 1000 };

export type Kind = "mysql" | "sqlite";

/** The column types as each database names them. */
export function columnTypes(kind: Kind) {
  const own = kind === "mysql";
  const ascii = (type: "char" | "varchar", length: number): EntitySchemaColumnOptions =>
    own ? { type, length, charset: "ascii", collation: "ascii_bin" } : { type: "text" };
  const unicode = (options: EntitySchemaColumnOptions): EntitySchemaColumnOptions =>
    own ? { ...options, charset: "utf8mb4", collation: "utf8mb4_bin" } : { type: "text" };
  return {
    id: ascii("char", 36),
    hash: ascii("char", 64),
    name: ascii("varchar", 63),
    short: ascii("varchar", 64),
    place: ascii("varchar", 255),
    word: ascii("varchar", 16),
    status: ascii("char", 16),
    fixed: ascii("char", 63),
    text: unicode({ type: "varchar", length: LENGTHS.text }),
    account: unicode({ type: "varchar", length: LENGTHS.account }),
    message: unicode({ type: "varchar", length: LENGTHS.message }),
    long: unicode({ type: "longtext" }),
    bytes: (own ? { type: "varbinary", length: 760 } : { type: "text" }) as EntitySchemaColumnOptions,
    time: (own ? { type: "datetime", precision: 3 } : { type: "text" }) as EntitySchemaColumnOptions,
    int: { type: own ? "int" : "integer" } as EntitySchemaColumnOptions,
    big: { type: own ? "bigint" : "integer" } as EntitySchemaColumnOptions,
    serial: { type: own ? "bigint" : "integer", generated: "increment" } as EntitySchemaColumnOptions,
    real: { type: own ? "double" : "real" } as EntitySchemaColumnOptions,
  };
}

export type ColumnType = keyof ReturnType<typeof columnTypes>;
