import { defineRemediation } from '../../domain/remediation.ts';
import { takeWithin } from '../take-within.ts';
import { listAlerts, type AlertPayload } from './list-alerts.ts';
import { formatMatchers, parseStepMatchers } from './silence-matchers.ts';

const MAX_ALERTS = 100;
/** Annotations are as long as whoever raises alerts likes. */
const MAX_BYTES = 256 * 1024;

/** Reads the alerts that fire. */
export const alerts = defineRemediation({
  name: 'alertmanager.alerts',
  summary: 'Counts the alerts that fire now and match, and lists up to 100 of them, the oldest first.',
  notes: [
    'Least privilege: `GET /api/v2/alerts`. Alertmanager itself has no roles: a proxy with credentials before it has to let just this through.',
    'Silenced and inhibited alerts are among them, with the state `suppressed`: `active` counts the others. The Alertmanagers of a cluster each know what they were sent; a connection names one of them.',
  ].join('\n\n'),
  connection: 'alertmanager',
  params: {
    matchers: {
      type: 'list',
      required: true,
      place: 'matcher',
      description: 'Matchers, one in each entry, with the value in double quotes: `alertname="TargetDown"`. At most 20.',
    },
  },
  outputs: {
    count: { type: 'int', description: 'How many fire and match.' },
    active: { type: 'int', description: 'How many of them are neither silenced nor inhibited.' },
    alerts: { type: 'list', description: 'Up to 100 of them, 256 KiB together: `{labels, annotations, state, starts_at}`.' },
  },
  example: {
    count: 1,
    active: 1,
    alerts: [
      {
        labels: { alertname: 'TargetDown', instance: 'web-1:9100' },
        annotations: { summary: 'web-1 does not answer' },
        state: 'active',
        starts_at: '2026-11-21T02:00:00.000Z',
      },
    ],
  },
  effect: () => 'read',
  inDoubt: 'repeat',

  // The checks throw: async turns that into a rejection.
  async plan({ matchers: entries }, { connection }) {
    const matchers = parseStepMatchers(entries);
    const texts = matchers.map(String);
    return Promise.resolve({
      summary: `read the alerts ${formatMatchers(matchers)} of Alertmanager "${connection.name}"`,
      identity: { connection: connection.name, matchers: texts },
      touches: [],
      data: texts,
    });
  },

  async run(plan, { connection, signal }) {
    const found = await listAlerts(connection, parseStepMatchers(plan.data), signal);
    const oldestFirst = found.map(toOutput).sort((a, b) => a.starts_at.localeCompare(b.starts_at));
    return {
      count: found.length,
      active: found.filter(({ status }) => status.state !== 'suppressed').length,
      alerts: takeWithin(oldestFirst, MAX_ALERTS, MAX_BYTES),
    };
  },
});

function toOutput({ labels, annotations, startsAt, status }: AlertPayload) {
  return { labels, annotations, state: status.state, starts_at: new Date(startsAt).toISOString() };
}
