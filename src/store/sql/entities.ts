import { EntitySchema, type EntitySchemaColumnOptions } from "typeorm";
import { API_KEYS, AUDIT } from "./tables/access";
import { ATTEMPTS } from "./tables/attempts";
import { ENDPOINT_TYPES, ENDPOINTS, MANAGERS, TASK_TYPES } from "./tables/endpoints";
import { ACCOUNTS, LOCKS, LOGS, REQUESTS, SECRETS } from "./tables/others";
import { RESPONSES } from "./tables/responses";
import type { Column, Table } from "./tables/table";
import { TASKS } from "./tables/tasks";
import { columnTypes, type Kind } from "./tables/types";

const TABLES = [
  ...[TASKS, RESPONSES, ATTEMPTS, LOGS, ENDPOINTS, ENDPOINT_TYPES, TASK_TYPES, MANAGERS],
  ...[SECRETS, LOCKS, REQUESTS, ACCOUNTS, API_KEYS, AUDIT],
] as ReadonlyArray<Table<never, object>>;

/**
 * The tables as TypeORM's entities, for users who map them. Migrations make the tables, and a test
 * compares both. The store's own statements do not use entities.
 */
export function entities(kind: Kind): EntitySchema[] {
  return TABLES.map(
    ({ name, columns, indexes }) =>
      new EntitySchema({
        ...{ name, tableName: name, indices: [...indexes] },
        columns: Object.fromEntries(
          Object.entries(columns).map(([column, definition]) => [column, optionsOf(definition, kind)]),
        ),
      }),
  );
}

function optionsOf(column: Column<never>, kind: Kind): EntitySchemaColumnOptions {
  const options: EntitySchemaColumnOptions = { ...columnTypes(kind)[column.type] };
  if (column.key) options.primary = true;
  if (column.nullable) options.nullable = true;
  if (column.default !== undefined && (kind === "mysql" || column.defaultOnSqlite)) options.default = column.default;
  const sql = column.defaultSql?.[kind];
  if (sql !== undefined) options.default = () => sql;
  return options;
}
