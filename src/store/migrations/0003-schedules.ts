import type { DdlDialect } from './ddl-dialect.ts';

/** Version 3: what is due by the clock. */
export function addSchedules({ integer, keyedTable }: DdlDialect): readonly string[] {
  return [
    `create table "schedule" (
      "kind" text not null,
      "name" text not null,
      "digest" text not null,
      "next_at" ${integer},
      "last_at" ${integer},
      "live_run_id" text,
      "last_run_id" text,
      "last_run_at" ${integer},
      "last_outcome" text,
      "last_skip_at" ${integer},
      "last_skip_reason" text,
      primary key ("kind", "name")
    ) ${keyedTable}`,
  ];
}
