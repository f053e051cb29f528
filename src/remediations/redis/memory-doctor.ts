import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { withRedisSession } from './redis-session.ts';

const LONGEST_LIST = 100;
const LONGEST_TEXT = 16_384;

/** What a server says about its own memory. */
export const memoryDoctor = defineRemediation({
  name: 'redis.memory_doctor',
  summary: 'Asks Redis for its own report on memory problems.',
  notes: [
    'Needs `ACL SETUSER remedyd on >… +memory|doctor`, and `+select` where the URL names a database other than 0.',
    '',
    'It is `MEMORY DOCTOR`: high peaks, fragmentation, big client buffers and replication buffers, too many scripts. A server that',
    'uses less than 5 MB says that it cannot tell; that counts as healthy.',
  ].join('\n'),
  connection: 'redis',
  params: {},
  outputs: {
    healthy: { type: 'bool', description: 'Whether the server found nothing to report' },
    issues: { type: 'list', description: `What it found, a text each; at most ${LONGEST_LIST}` },
    text: { type: 'string', description: 'The whole report, at most 16 KiB' },
  },
  example: {
    healthy: false,
    issues: ['High total RSS: This instance has a memory fragmentation and RSS overhead greater than 1.4 …'],
    text: 'Sam, I detected a few issues in this Redis instance memory implants: …',
  },
  effect: () => 'read',
  inDoubt: 'repeat',

  plan(_params, context) {
    const { name } = context.connection;
    return Promise.resolve({
      summary: `read the memory report of Redis "${name}"`,
      identity: { connection: name },
      touches: [],
      data: null,
    });
  },

  run(_plan, context) {
    return withRedisSession(context, async (session) => {
      const report = await session.read((client) => client.call('MEMORY', 'DOCTOR'));
      if (typeof report !== 'string') {
        throw new StepError('invalid_response', `Redis "${context.connection.name}": the answer to MEMORY DOCTOR is no text`, {
          happened: 'nothing',
        });
      }
      const text = report.slice(0, LONGEST_TEXT).trim();
      return { healthy: isHealthy(text), issues: readIssues(text), text };
    });
  },
});

// "Hi Sam" greets with no problem, "Sam" alone with some: https://redis.io/docs/latest/commands/memory-doctor/
function isHealthy(report: string): boolean {
  return report.startsWith('Hi Sam');
}

function readIssues(report: string): string[] {
  if (isHealthy(report)) return [];
  return report
    .split('\n')
    .filter((line) => line.startsWith(' * '))
    .map((line) => line.slice(3).trim())
    .slice(0, LONGEST_LIST);
}
