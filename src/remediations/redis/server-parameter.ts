import { StepError, type Look, type Plan, type StepContext } from '../../domain/remediation.ts';
import { requireParameterAllowed } from './config-limits.ts';
import { isSameSetting } from './is-same-setting.ts';
import { withRedisSession, type RedisSession } from './redis-session.ts';

/** A change of one parameter, as plain data: `previous` is what it was when the plan was made. */
export interface ParameterChange {
  readonly parameter: string;
  readonly previous: string;
  readonly value: string;
  readonly [key: string]: string;
}

/** The value of a parameter; `parameter` must hold no glob, since CONFIG GET would read it as one. */
export async function readServerParameter(session: RedisSession, parameter: string, connection: string): Promise<string> {
  const answer = await session.read((client) => client.config('GET', parameter));
  const value: unknown = Array.isArray(answer) ? answer[1] : undefined;
  if (typeof value === 'string') return value;
  throw new StepError('not_found', `Redis "${connection}": the server has no parameter ${JSON.stringify(parameter)}`, {
    happened: session.happened,
  });
}

/** Plans a change that the connection has to allow. */
export async function planParameterChange(
  context: StepContext<'redis'>,
  parameter: string,
  value: string,
): Promise<Plan<ParameterChange>> {
  const { connection } = context;
  requireParameterAllowed(connection, parameter);
  return await withRedisSession(context, async (session) => {
    const previous = await readServerParameter(session, parameter, connection.name);
    return {
      summary: `set ${parameter} of Redis "${connection.name}" to ${JSON.stringify(value)} (now ${JSON.stringify(previous)})`,
      identity: { connection: connection.name, parameter, value },
      touches: [`redis:${connection.name}`],
      data: { parameter, previous, value },
    };
  });
}

/** Makes the change; answers what the server held before and what it holds after. */
export async function setServerParameter(
  context: StepContext<'redis'>,
  { parameter, value }: ParameterChange,
): Promise<{ previous: string; value: string }> {
  const { connection } = context;
  requireParameterAllowed(connection, parameter);
  return await withRedisSession(context, async (session) => {
    const previous = await readServerParameter(session, parameter, connection.name);
    await session.change((client) => client.config('SET', parameter, value));
    return { previous, value: await readServerParameter(session, parameter, connection.name) };
  });
}

/** Whether the change has been made, by reading the parameter back; `unknown` when it is neither as before nor as wanted. */
export async function lookAtParameter(context: StepContext<'redis'>, change: ParameterChange): Promise<Look> {
  const { parameter, previous, value } = change;
  const now = await withRedisSession(context, (session) => readServerParameter(session, parameter, context.connection.name));
  if (isSameSetting(now, value)) return { state: 'done', output: { previous, value: now } };
  return { state: isSameSetting(now, previous) ? 'not_done' : 'unknown' };
}
