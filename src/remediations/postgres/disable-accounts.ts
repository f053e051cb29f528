import type { PostgresConnection } from '../../domain/connection.ts';
import type { Json } from '../../domain/json.ts';
import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { sqlStateOf } from './postgres-error.ts';
import { withPostgresSession, type PostgresSession } from './postgres-session.ts';

const MOST_ACCOUNTS = 100;
const LONGEST_NAME = 320;
const LOCK_TIMEOUT_MS = 5_000;
/** Relations and functions that are not found: most likely for want of their schema. */
const NOT_FOUND_STATES = ['42P01', '42883'];

interface AccountsData {
  readonly [key: string]: Json;
  readonly accounts: readonly string[];
  readonly statement: string;
}

/** Disables accounts of an application in its database. */
export const disableAccounts = defineRemediation({
  name: 'postgres.disable_accounts',
  summary: "Runs the connection's `disable_account` statement once for each named account, in one transaction.",
  notes: [
    'The statement stands in the configuration, with `$1` for the name, and names only what it needs, with its schema, as the',
    '`search_path` is `pg_catalog`: `UPDATE public.users SET disabled = true WHERE email = $1`. Names are bound as data. Needs what it',
    'touches, no more: `GRANT SELECT (email), UPDATE (disabled) ON public.users TO remedyd;`.',
    '',
    'All or nothing: when it touches more than one row for one name, the step fails with `over_limit` and everything is rolled back.',
    'A name for which it touches no row is in `not_found`, and does not fail the step. For a statement that selects, the rows that it returns',
    'are counted. Sessions and tokens that the accounts already have go on. When it is not known whether the transaction was',
    'committed, a person is asked.',
  ].join('\n'),
  connection: 'postgres',
  params: {
    accounts: { type: 'list', required: true, description: 'Names, as the statement compares them' },
    limit: {
      type: 'int',
      default: 10,
      min: 1,
      max: MOST_ACCOUNTS,
      description: 'More names than this fail the step: `over_limit`',
    },
  },
  outputs: {
    disabled: { type: 'list', description: 'Names for which one row was touched' },
    not_found: { type: 'list', description: 'Names for which none was' },
  },
  example: { disabled: ['mallory@example.com'], not_found: [] },
  effect: () => 'change',
  inDoubt: 'ask',

  // The checks throw: async turns that into a rejection.
  async plan(params, context) {
    const { name } = context.connection;
    const statement = requireStatement(context.connection);
    const accounts = parseAccounts(params.accounts);
    if (accounts.length > params.limit) {
      throw new StepError('over_limit', `${accounts.length} accounts are more than limit ${params.limit}`, {
        happened: 'nothing',
      });
    }
    const data: AccountsData = { accounts, statement };
    return await Promise.resolve({
      summary: `disable ${accounts.length === 1 ? 'account' : `${accounts.length} accounts`} in PostgreSQL "${name}": ${accounts.map((account) => JSON.stringify(account)).join(', ')}`,
      identity: { connection: name, statement, accounts },
      touches: [`postgres:${name}`],
      count: accounts.length,
      data,
    });
  },

  async run(plan, context) {
    const { connection } = context;
    const { accounts, statement } = plan.data;
    if (requireStatement(connection) !== statement) {
      throw new StepError(
        'precondition_failed',
        `PostgreSQL "${connection.name}": disable_account was changed since the plan was made; nothing was done`,
        { happened: 'nothing' },
      );
    }
    const disable = async (session: PostgresSession) => {
      const disabled: string[] = [];
      const notFound: string[] = [];
      for (const account of accounts) {
        const rows = await touchAccount(session, connection.name, statement, account);
        (rows === 1 ? disabled : notFound).push(account);
      }
      return { disabled, not_found: notFound };
    };
    return await withPostgresSession(context, disable, { mode: 'read_write', lockTimeoutMs: LOCK_TIMEOUT_MS });
  },
});

/** Returns how many rows were touched: none or one. */
async function touchAccount(session: PostgresSession, connection: string, statement: string, account: string): Promise<number> {
  const rows = await runStatement(session, statement, account);
  if (rows <= 1) return rows;
  throw new StepError(
    'over_limit',
    `PostgreSQL "${connection}": disable_account touches ${rows} rows for ${JSON.stringify(account)}; everything was rolled back`,
    { happened: 'nothing' },
  );
}

async function runStatement(session: PostgresSession, statement: string, account: string): Promise<number> {
  try {
    return await session.changeRows(statement, [account]);
  } catch (error) {
    if (!(error instanceof StepError) || !NOT_FOUND_STATES.includes(sqlStateOf(error))) throw error;
    const hint = 'the search_path is pg_catalog: disable_account has to name the schema, as in public.users';
    throw new StepError(error.code, `${error.message}; ${hint}`, { happened: error.happened, cause: error.cause });
  }
}

function requireStatement({ name, disableAccount }: PostgresConnection): string {
  if (disableAccount !== undefined) return disableAccount;
  throw new StepError('not_allowed', `PostgreSQL "${name}": its connection has no disable_account statement`, {
    happened: 'nothing',
  });
}

/** The names, sorted, so that two runs lock rows in the same order, and each once. */
function parseAccounts(given: readonly Json[]): readonly string[] {
  const refuse = (code: 'missing_value' | 'invalid_value', text: string): StepError =>
    new StepError(code, text, { happened: 'nothing' });
  if (given.length === 0) throw refuse('missing_value', 'parameter "accounts" is empty');
  const accounts = given.map((account) => {
    if (typeof account !== 'string' && account !== null) {
      throw refuse('invalid_value', `parameter "accounts" has ${JSON.stringify(account)}; expected texts`);
    }
    if (account === null || account.trim() === '') throw refuse('missing_value', 'parameter "accounts" has an empty name');
    if (account.length > LONGEST_NAME || account.includes('\0')) {
      throw refuse('invalid_value', `parameter "accounts" has a name with a NUL or more than ${LONGEST_NAME} characters`);
    }
    return account.toWellFormed();
  });
  return [...new Set(accounts)].sort();
}
