const LONGEST_RELATION_LIST = 100;

/** SQL: whether `relation` in `namespace` is no temporary one and none of PostgreSQL's own; `$1` is a schema, or null for all. */
export const IS_OF_USERS = `
  namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema' AND relation.relpersistence <> 't'
  AND ($1::text IS NULL OR namespace.nspname = $1)`;

/** The parameters of remediations that list tables or indexes. */
export const RELATION_PARAMS = {
  limit: { type: 'int', default: 20, min: 1, max: LONGEST_RELATION_LIST, description: 'How many to list' },
  schema: { type: 'string', description: 'Only those of this schema, by exact name; default: all schemas of the database' },
} as const;
