import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { createApiUrl } from '../requests/api-url.ts';
import { callApi } from '../requests/call-api.ts';
import { findSilence, isOwnSilence, type SilencePayload } from './alertmanager-silence.ts';

/** Ends a silence that remedyd made. */
export const expireSilence = defineRemediation({
  name: 'alertmanager.expire_silence',
  summary: 'Ends a silence that a run of remedyd made; one that has ended already, or is gone, is a success.',
  notes: [
    'Needs `GET` and `DELETE /api/v2/silence/*`. Alertmanager itself has no roles: a proxy with credentials before it has to let just this through.',
    'A silence of a person, or of another program, is refused with `not_allowed`. It is told by `createdBy` and by the run that its comment names. Every playbook with an `alertmanager.silence` gets this step at the end of its `finally` by itself.',
  ].join('\n\n'),
  connection: 'alertmanager',
  params: {
    id: { type: 'string', required: true, pattern: '[A-Za-z0-9-]{1,64}', description: 'The id of the silence.' },
  },
  outputs: {
    previous: { type: 'string', description: 'What it was before: `active`, `pending`, `expired` or `absent`.' },
  },
  example: { previous: 'active' },
  effect: () => 'change',
  inDoubt: 'repeat',

  async plan({ id }, { connection, signal }) {
    const found = await findSilence(connection, id, signal);
    requireOwn(found, connection.name);
    const isOver = found === undefined || found.status.state === 'expired';
    return {
      summary: `${isOver ? 'nothing to end: ' : ''}end the silence ${id} in Alertmanager "${connection.name}"`,
      identity: { connection: connection.name, id },
      touches: [`alertmanager:${connection.name}/${id}`],
      count: isOver ? 0 : 1,
      data: { id },
    };
  },

  async run({ data: { id } }, { connection, signal }) {
    const found = await findSilence(connection, id, signal);
    requireOwn(found, connection.name);
    if (found === undefined) return { previous: 'absent' };
    if (found.status.state === 'expired') return { previous: 'expired' };
    const url = createApiUrl(connection, `/api/v2/silence/${encodeURIComponent(id)}`);
    // It may have ended between the two requests: Alertmanager answers 404 (0.27 and later) or 500 then.
    const answer = await callApi({ method: 'DELETE', url, credentials: connection, isChange: true, reads: [404, 500] }, signal);
    if (answer.status >= 400) {
      const now = await findSilence(connection, id, signal);
      if (now !== undefined && now.status.state !== 'expired') {
        throw new StepError('rejected', `${answer.what} was answered ${answer.status}, and the silence is ${now.status.state}`, {
          happened: 'nothing',
        });
      }
    }
    return { previous: found.status.state };
  },
});

function requireOwn(found: SilencePayload | undefined, connection: string): void {
  if (found === undefined || isOwnSilence(found)) return;
  const message = `the silence ${found.id} in Alertmanager "${connection}" was not made by a run of remedyd: end it by hand`;
  throw new StepError('not_allowed', message, { happened: 'nothing' });
}
