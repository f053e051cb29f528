import type { DdlDialect } from './ddl-dialect.ts';
import { createFirstTables } from './0001-first-tables.ts';
import { addPeople } from './0002-people.ts';
import { addSchedules } from './0003-schedules.ts';

/** All migrations, oldest first: the schema version of a store is how many of them it has. Never edit one, add one. */
export const MIGRATIONS: readonly ((dialect: DdlDialect) => readonly string[])[] = [createFirstTables, addPeople, addSchedules];
