import { StepError } from '../../domain/remediation.ts';
import type { RedisSession } from './redis-session.ts';

/** Fails when the connection leads to another database than the one that was planned for. */
export function requireSameDatabase(session: RedisSession, planned: number, connection: string): void {
  if (session.database === planned) return;
  throw new StepError(
    'precondition_failed',
    `Redis "${connection}": planned for database ${planned}, now connected to ${session.database}`,
    {
      happened: 'nothing',
    },
  );
}
