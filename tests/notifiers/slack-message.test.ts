import {
  sampleAlert,
  sampleApproval,
  sampleIncident,
  sampleLine,
  sampleNews,
  sampleRun,
  sampleStep,
} from '../../scripts/pages/slack-samples.ts';
import type { IncidentNews } from '../../src/domain/notifier.ts';
import type { Incident, Run, StoredTimelineEntry } from '../../src/domain/state.ts';
import { bundleMessage } from '../../src/notifiers/slack/bundle-message.ts';
import { incidentMessage } from '../../src/notifiers/slack/incident-message.ts';
import { timelineReply } from '../../src/notifiers/slack/timeline-reply.ts';
import { faultsOf, markupOf } from './slack-check.ts';

function shown(news: IncidentNews, purpose: 'message' | 'page' = 'message'): string {
  const { text, blocks } = incidentMessage(news, purpose);
  expect(faultsOf(text.source, blocks)).toEqual([]);
  return markupOf('', blocks).join('\n');
}

const sampleEntry = (position: number): StoredTimelineEntry => ({
  incidentId: sampleIncident().id,
  position,
  at: sampleIncident().startedAt,
  kind: 'note',
  text: '',
  reason: null,
  runId: null,
  actor: null,
});

const shownRun = (run: Partial<Run>): string => shown(sampleNews({ runs: [sampleRun({ state: 'ended', ...run })] }));

test.each<[string, Partial<Run>, string]>([
  ['a fix', { outcome: 'verified', evidence: 'checks' }, '*fixed by the playbook*; its checks held'],
  ['a fix by a fallback', { outcome: 'verified', evidence: 'checks', rung: 2 }, '*fixed by fallback 2*'],
  [
    'a fix that only the alert speaks for',
    { outcome: 'verified', evidence: 'alert' },
    'nothing but the alert, which resolved, says so',
  ],
  ['a fix that did not last', { outcome: 'verified', evidence: 'checks', recurred: true }, 'it did not last'],
  ['no help', { outcome: 'ineffective', reason: 'verification_failed' }, '*it did not help*'],
  ['nobody knows', { outcome: 'inconclusive' }, '*nobody could tell whether it helped*'],
  ['doubt', { outcome: 'interrupted', quarantined: true }, 'look at it, then choose Retry or Cancel'],
  ['a cancelled one', { outcome: 'cancelled', cancelledBy: 'bob', reason: 'cancelled_by_person' }, 'cancelled by bob'],
  ['nothing to do', { outcome: 'completed', reason: 'nothing_to_do' }, '*nothing to change*'],
  [
    'a gate',
    { outcome: 'suppressed', reason: 'cooldown', verdicts: [{ gate: 'cooldown', verdict: 'suppress', detail: 'it ran 2m ago' }] },
    'not started: it ran 2m ago (`cooldown`)',
  ],
])('%s is said as it is', (_, run, words) => {
  expect(shownRun(run)).toContain(words);
});

test.each<[string, Partial<Incident>, string]>([
  [
    'resolved',
    { closedAs: 'resolved', resolvedAt: Date.UTC(2026, 10, 21, 9, 10) },
    '*Resolved* after 10m: all alerts have resolved',
  ],
  ['stale', { closedAs: 'stale', resolvedAt: Date.UTC(2026, 10, 21, 9, 10) }, 'That does not say that they are gone'],
  ['dismissed', { closedAs: 'dismissed', resolvedAt: Date.UTC(2026, 10, 21, 9, 10) }, 'its alerts may still fire'],
])('%s is not called something else', (_, incident, words) => {
  expect(shown(sampleNews({ incident: sampleIncident({ status: 'resolved', ...incident }) }, { phase: 'resolved' }))).toContain(
    words,
  );
});

test('a running run says what it is doing, and what it did', () => {
  const steps = [
    sampleStep(),
    sampleStep({ id: 'restart', address: '0:steps/restart', position: 3, state: 'running', output: null }),
  ];
  const text = shown(sampleNews({ runs: [sampleRun()], steps }, { phase: 'identified' }));
  expect(text).toContain('the playbook is at step `restart`: terminate 12 sessions');
  expect(text).toContain('• done: terminate 12 sessions');
});

test('of several gates the one is quoted that speaks', () => {
  const verdicts = [
    { gate: 'acknowledged', verdict: 'suppress', detail: 'alice has taken the incident' },
    { gate: 'delay', verdict: 'hold', detail: 'waits 1h for it to recover by itself' },
  ] as const;
  const words = shownRun({ outcome: 'suppressed', reason: 'acknowledged', verdicts });
  expect(words).toContain('not started: alice has taken the incident (`acknowledged`).');
});

test('what a run under way waits for is said', () => {
  const words = shown(sampleNews({ runs: [sampleRun({ reason: 'target_busy' })] }, { phase: 'identified' }));
  expect(words).toContain('*it waits*: what it would change is taken by another run, or in quarantine.');
});

test('an error is said once', () => {
  const error = { code: 'rejected', message: 'answered 500', happened: 'nothing' } as const;
  const steps = [sampleStep({ state: 'failed', output: null, error })];
  const runs = [sampleRun({ state: 'ended', outcome: 'failed', reason: 'rejected' })];
  expect(shown(sampleNews({ runs, steps })).split('answered 500')).toHaveLength(2);
});

test('a notification on a phone says which one it is', () => {
  const { text } = incidentMessage(sampleNews(), 'message');
  expect(text.source.split('\n')[0]).toBe(
    '*P0 · postgres-connections-exhausted · Investigating* `alertname=PostgresConnectionsExhausted` `cluster=eu-1`',
  );
});

test('one unseen alert is one', () => {
  expect(shown(sampleNews({ incident: sampleIncident({ truncatedAlerts: 1 }) }))).toContain('left out 1 alert: it is unseen');
});

test('a story that repeats itself is told once', () => {
  const joins = Array.from({ length: 59 }, (_, index) => ({ ...sampleEntry(index + 2), text: 'DiskFull joins' }));
  const news = sampleNews({ timeline: [{ ...sampleEntry(1), text: 'P0: disk-full' }, ...joins] });
  const reply = timelineReply(news, 0, 60);
  expect(reply?.message.text.source.split('\n').map((line) => line.replace(/^<[^>]*> /, ''))).toEqual([
    'P0: disk-full',
    'DiskFull joins (59 times)',
  ]);
  expect(reply?.position).toBe(60);
});

test('a bundle says what has become quiet', () => {
  const incidents = [sampleIncident({ firing: 0 }), sampleIncident({ id: 'inc-2' })];
  const bundle = { kind: 'bundle', id: 'bundle_1', startedAt: 0, incidents, pagerdutySeverity: 'critical' } as const;
  const { blocks } = bundleMessage(bundle);
  expect(markupOf('', blocks).join('\n')).toContain('By status: 1 `quiet, closes soon`, 1 `taken by nobody`');
});

test('unseen alerts and a call for a person are said', () => {
  const text = shown(sampleNews({ incident: sampleIncident({ truncatedAlerts: 7 }) }), 'page');
  expect(text).toContain('*This needs a person.*');
  expect(text).toContain('left out 7 alerts');
});

test('an approval says what, who, how many and until when', () => {
  const text = shown(sampleNews({ runs: [sampleRun({ state: 'held', reason: 'approval' })], approvals: [sampleApproval()] }));
  expect(text).toContain('1. restart container pgbouncer-1 (running since 3d4h) (`docker.restart_container` on `local`)');
  expect(text).toContain('Who may: `dba` (1 of 2 people, so far alice).');
  expect(text).toMatch(/Until <!date\^\d+\^.*\|2026-11-21 09:16 UTC>, then it escalates/);
  expect(text).toContain('postgres:main: restart container pgbouncer-1 (running since 3d4h)');
});

test('only addresses of the web become links', () => {
  const alert = sampleAlert();
  const alerts = [{ ...alert, content: { ...alert.content, generatorUrl: 'javascript:alert(1)' } }];
  const text = shown(sampleNews({ alerts }, { runbookUrl: 'file:///etc/passwd' }));
  expect(text).not.toMatch(/javascript|file:/);
});

test('several runs have their own buttons', () => {
  const runs = ['web-1', 'web-2'].map((target) =>
    sampleRun({ id: target, lineId: target, target, state: 'held', reason: 'delay' }),
  );
  const lines = runs.map((run) => sampleLine({ id: run.id, target: run.target, runId: run.id }));
  const { blocks } = incidentMessage(sampleNews({ runs, lines }), 'message');
  const values = [...JSON.stringify(blocks).matchAll(/"remedyd:run_now".*?"value":"([^"]+)"/g)].map(([, value]) => value);
  expect(values).toEqual(['inc_mi8k2l3p0000a1b2c3/web-1', 'inc_mi8k2l3p0000a1b2c3/web-2']);
});
