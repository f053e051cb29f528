import { StepError } from '../../domain/remediation.ts';

const IS_OWNER = `pg_has_role(relation.relowner, 'USAGE')`;
const OWNS_DATABASE = `(SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database())`;
// The privilege came with PostgreSQL 17; before it, its name is an error.
const HAS_MAINTAIN = `CASE WHEN current_setting('server_version_num')::int >= 170000
  THEN has_table_privilege(relation.oid, 'MAINTAIN') ELSE false END`;

/**
 * SQL: whether our role may vacuum and analyze `relation`, a row of pg_class.
 * https://www.postgresql.org/docs/15/sql-vacuum.html (notes), and https://www.postgresql.org/docs/17/ddl-priv.html
 */
export const MAY_MAINTAIN = `(${IS_OWNER} OR ${OWNS_DATABASE} OR ${HAS_MAINTAIN})`;

/** SQL: whether our role may rebuild the indexes of `relation`, which owning the database does not suffice for. */
export const MAY_REINDEX = `(${IS_OWNER} OR ${HAS_MAINTAIN})`;

/** SQL: the statement that gives our role both rights on `relation`. */
export const MISSING_GRANT = `
  CASE WHEN current_setting('server_version_num')::int >= 170000
    THEN format('GRANT MAINTAIN ON TABLE %s TO %I;', relation.oid::regclass, current_user)
    ELSE format('GRANT %I TO %I;', pg_get_userbyid(relation.relowner), current_user) END`;

/** The failure that names the missing grant. */
export function refuseRights(connection: string, what: string, grant: string): StepError {
  return new StepError('permission_denied', `PostgreSQL "${connection}": the role may not maintain ${what}; run: ${grant}`, {
    happened: 'nothing',
  });
}
