import fc from 'fast-check';
import { copyLabels } from '../src/domain/alert.ts';
import type { IncidentNews } from '../src/domain/notifier.ts';
import type { Incident, Run, StepRecord } from '../src/domain/state.ts';
import { postMortem } from '../src/pipeline/post-mortem.ts';
import { incidentOf, runOf, stepOf } from './support/store-rows.ts';

const STARTED = Date.parse('2026-11-21T02:00:00Z');

const incident: Incident = incidentOf('inc_1', {
  rule: 'web-down',
  groupLabels: copyLabels({ alertname: 'WebDown' }),
  status: 'resolved',
  severity: 'P1',
  startedAt: STARTED,
  acknowledgedAt: STARTED + 240_000,
  acknowledgedBy: 'alice',
  resolvedAt: STARTED + 720_000,
  closedAs: 'resolved',
  escalationLevel: 2,
  truncatedAlerts: 3,
});

const run: Run = runOf('run_1', {
  incidentId: 'inc_1',
  target: 'container/web',
  rule: 'web-down',
  state: 'ended',
  outcome: 'verified',
  evidence: 'checks',
  startedAt: STARTED + 1_000,
  actingAt: STARTED + 2_000,
  endedAt: STARTED + 60_000,
});

const restart: StepRecord = stepOf('run_1', '0:steps/restart', {
  id: 'restart',
  uses: 'docker.restart_container',
  effect: 'change',
  state: 'succeeded',
  plan: { summary: 'restart container web', identity: {}, touches: [], data: {} },
  output: { started_at: '2026-11-21T02:00:05Z' },
});

function newsOf(changes: Partial<IncidentNews['detail']> = {}): IncidentNews {
  return {
    kind: 'incident',
    detail: {
      incident,
      lines: [],
      alerts: [],
      runs: [run],
      steps: [restart],
      timeline: [
        {
          position: 1,
          incidentId: 'inc_1',
          runId: null,
          at: STARTED,
          kind: 'opened',
          reason: null,
          text: 'P1: web-down',
          actor: null,
        },
        {
          position: 2,
          incidentId: 'inc_1',
          runId: null,
          at: STARTED + 240_000,
          kind: 'acknowledged',
          reason: null,
          text: 'takes it',
          actor: 'alice',
        },
      ],
      approvals: [],
      ...changes,
    },
    phase: 'resolved',
    description: 'Restarts the web server.',
    runbookUrl: 'https://runbooks.example.com/web',
    fields: [{ name: 'Impact', value: 'no pages' }],
    pagerdutySeverity: 'critical',
    next: [],
  };
}

test('says when, who, what was tried, whether it helped, and asks for what only people know', () => {
  const text = postMortem(newsOf());
  expect(text).toContain('# Post-mortem: web-down');
  expect(text).toContain('| acknowledged | 2026-11-21T02:04:00Z by alice, after 4m |');
  expect(text).toContain('| over | 2026-11-21T02:12:00Z, after 12m: every alert resolved |');
  expect(text).toContain('| Impact | no pages |');
  expect(text).toContain('Taken by alice; the automation acted once; each time it was verified that it helped.');
  expect(text).toContain('### `container/web`: verified; evidence: its checks');
  expect(text).toContain('- **succeeded** `restart` (`docker.restart_container`): restart container web');
  expect(text).toContain('and 3 that Alertmanager left out: nobody here has seen them');
  expect(text).toContain('| 2026-11-21 02:04:00 | takes it | alice |');
  expect(text).toContain('## Root cause\n\n*To fill in.*');
});

test('is honest about what did not help', () => {
  const text = postMortem(newsOf({ runs: [{ ...run, outcome: 'ineffective', reason: 'verification_failed', evidence: null }] }));
  expect(text).toContain('acted once, and nothing shows that it helped');
  expect(text).toContain('`container/web`: ineffective (verification_failed)');
  expect(text).toContain('it did not fix this');
});

test('text of others cannot become Markdown', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.constantFrom('`|`', '</td>', '[x](javascript:1)', '\n# x', '\\`', '![](//e)'),
  );
  fc.assert(
    fc.property(hostile, (text) => {
      const [opened] = newsOf().detail.timeline;
      const made = postMortem(
        newsOf({
          incident: { ...incident, rule: text, acknowledgedBy: text, groupLabels: copyLabels({ name: text }) },
          steps: [{ ...restart, output: { text }, error: { code: 'rejected', message: text, happened: 'nothing' } }],
          timeline: opened === undefined ? [] : [{ ...opened, text, actor: text }],
        }),
      );
      const usual = postMortem(newsOf())
        .split('\n')
        .filter((line) => line.startsWith('#'));
      expect(made.split('\n').filter((line) => line.startsWith('#'))).toHaveLength(usual.length);
      for (const row of made.split('\n').filter((line) => line.startsWith('| 2026')))
        expect(row.replaceAll(/\\[^\n]/g, '').split('|')).toHaveLength(5);
      expect(made.replaceAll(/(`+).*?\1/g, '').replaceAll(/^ {6}.*$/gm, '')).not.toMatch(/(?<!\\)\[x\]\(/);
    }),
    { numRuns: 300 },
  );
});
