import { copyLabels } from '../../src/domain/alert.ts';
import type { IncidentNews } from '../../src/domain/notifier.ts';
import type { ResponsePlan } from '../../src/domain/response.ts';
import type { Incident, Run } from '../../src/domain/state.ts';
import type { IncidentDetail } from '../../src/domain/store.ts';
import { incidentNews, type NewsContext } from '../../src/pipeline/incident-news.ts';
import { loadRule } from '../support/rule-settings.ts';
import { approvalOf, contentOf, entryOf, episodeOf, incidentOf, lineOf, runOf, stepOf } from '../support/store-rows.ts';

const AT = Date.UTC(2026, 0, 1, 10, 0, 0);

const rule = loadRule(`
rules:
  - name: disk-full
    description: Cleans the disk.
    matchers: ['alertname = "DiskFull"']
    target: 'host/{{ labels.instance }}'
    mode: auto
    delay: 45s
    cancel_window: 30s
    escalation_policy: standard
    fields: { Host: '{{ labels.instance }}', Owner: the storage team, Team: '{{ labels.team }}' }
    customer_messages: { investigating: 'We look at {{ labels.instance }}.', resolved: It is over. }
    steps: [{ id: clean, uses: docker.restart_container, connection: local, with: { container: web } }]
`);

const PLAN: ResponsePlan = { rungs: [], notify: {}, postMortem: false, dueAt: (from, afterMs) => from + afterMs };

function detailOf(incident: Partial<Incident> = {}, more: Partial<IncidentDetail> = {}): IncidentDetail {
  return {
    incident: incidentOf('inc-1', incident),
    lines: [lineOf('line-1', 'inc-1')],
    alerts: [{ lineTarget: 'web-1', incidentId: 'inc-1', episode: episodeOf('ep-1'), content: contentOf() }],
    runs: [],
    steps: [],
    timeline: [{ ...entryOf(), position: 1 }],
    approvals: [],
    ...more,
  };
}

function newsOf(detail: IncidentDetail, context: Partial<NewsContext> = {}): IncidentNews {
  return incidentNews(detail, { rule, plan: PLAN, people: new Map(), now: AT, ...context });
}

const nextOf = (run: Partial<Run>, more: Partial<IncidentDetail> = {}): readonly string[] =>
  newsOf(detailOf({}, { runs: [runOf('run-1', { target: 'host/web-1', ...run })], ...more })).next;

describe('the fields of a message', () => {
  it('are those of the rule, rendered; what is missing is a dash', () => {
    expect(newsOf(detailOf()).fields).toEqual([
      { name: 'Host', value: 'web-1' },
      { name: 'Owner', value: 'the storage team' },
      { name: 'Team', value: '–' },
    ]);
  });

  it('are those that people set before those of the rule, and stay when there are too many', () => {
    const set = Object.fromEntries(Array.from({ length: 18 }, (_, index) => [`field ${index}`, 'by people']));
    const { fields } = newsOf(detailOf({ fields: { ...set, Owner: 'Ann' } }));
    expect(fields).toHaveLength(20);
    expect(fields.slice(0, 3)).toEqual([
      { name: 'Host', value: 'web-1' },
      { name: 'Owner', value: 'Ann' },
      { name: 'field 0', value: 'by people' },
    ]);
  });

  it('see what the newest run was claimed with', () => {
    const labels = copyLabels({ instance: 'web-9' });
    const alert = { status: 'firing', labels, annotations: copyLabels({}), fingerprint: '', starts_at: AT };
    const frozen = { alerts: [alert], group: labels, severity: 'P1', incidentStatus: 'triggered', incidentStartedAt: AT };
    const news = newsOf(detailOf({}, { runs: [runOf('old', { createdAt: 1 }), runOf('new', { createdAt: 2, frozen })] }));
    expect(news.fields[0]).toEqual({ name: 'Host', value: 'web-9' });
  });

  it('are those of people alone when the rule is gone', () => {
    const news = newsOf(detailOf({ fields: { Owner: 'Ann' } }), { rule: undefined });
    expect(news).toMatchObject({ fields: [{ name: 'Owner', value: 'Ann' }], description: '' });
  });
});

describe('what comes next', () => {
  it.each<[string, Partial<Run>]>([
    ['starts as soon as every gate agrees', { state: 'pending' }],
    ['starts at 10:00:45 UTC unless it recovers by itself', { state: 'held', reason: 'delay', delayFrom: AT }],
    [
      'starts at 10:00:30 UTC unless a person cancels it',
      { state: 'held', reason: 'cancel_window', announcedAt: AT, wakeAt: AT },
    ],
    [
      'held by cooldown until 10:05:00 UTC (it was acted on 1m ago)',
      {
        state: 'held',
        reason: 'cooldown',
        wakeAt: AT + 300_000,
        verdicts: [{ gate: 'cooldown', verdict: 'hold', detail: 'it was acted on 1m ago' }],
      },
    ],
    ['held by target_busy', { state: 'held', reason: 'target_busy', wakeAt: AT + 300_000 }],
    [
      'verifying until 10:05:00 UTC: it looks whether it helped',
      { state: 'verifying', startedAt: AT, verifyDeadlineAt: AT + 300_000 },
    ],
    ['runs', { state: 'running', startedAt: AT }],
    ['waits (target_busy) to run its next step', { state: 'running', startedAt: AT, reason: 'target_busy' }],
  ])('is that it %s', (text, run) => {
    expect(nextOf(run)).toEqual([`host/web-1: ${text}`]);
  });

  it('is the answer of people, and until when', () => {
    const run = { state: 'held', reason: 'approval', startedAt: AT } as const;
    const asked = { timeoutAt: AT + 900_000, expiresAt: AT + 86_400_000 };
    const approvals = [approvalOf('a', 'run-1', { ...asked, count: 2, approvedBy: ['ann'] })];
    expect(nextOf(run, { approvals })).toEqual(['host/web-1: waits for 2 approvals (1 given) until 10:15:00 UTC']);
    const late = { ...run, escalatedFor: 'approval_timeout' };
    const alone = [approvalOf('a', 'run-1', asked)];
    expect(nextOf(late, { approvals: alone })).toEqual(['host/web-1: waits for an approval until 2026-01-02 10:00:00 UTC']);
  });

  it('is the step that is under way, and how it will end', () => {
    const steps = [stepOf('run-1', '0:finally/up', { id: 'up', uses: 'docker.restart_container', state: 'running' })];
    const ending = { outcome: 'failed', reason: 'step_failed' } as const;
    expect(nextOf({ state: 'running', startedAt: AT, ending }, { steps })).toEqual([
      'host/web-1: runs up (docker.restart_container), then ends: failed',
    ]);
  });

  it('is a look at the alert that still fires after it was fixed', () => {
    const lines = [lineOf('line-1', 'inc-1', { target: 'host/web-1', runId: 'run-1', watchUntil: AT })];
    expect(nextOf({ state: 'ended', outcome: 'verified' }, { lines })).toEqual([
      'host/web-1: verified; waits until 10:00:00 UTC for its alerts to resolve',
    ]);
  });

  it('is nothing when a person has it, when the automation is at its end, and when it is over', () => {
    expect(newsOf(detailOf({ status: 'acknowledged', acknowledgedBy: 'ann' })).next).toEqual(['nothing: ann has it']);
    expect(newsOf(detailOf()).next).toEqual(['nothing more by itself while the alert lasts: a person is needed']);
    expect(newsOf(detailOf(), { rule: undefined }).next).toEqual(['nothing: its rule is gone']);
    expect(newsOf(detailOf({ firing: 0 })).next).toEqual(['closes when it stays quiet']);
    expect(newsOf(detailOf({ firing: 0 }, { alerts: [] })).next).toEqual(['nothing: a person closes it']);
    expect(newsOf(detailOf({}, { lines: [] })).next).toEqual([
      'nothing: what to fix cannot be told, as the target of its rule has no value; a person is needed',
    ]);
    expect(newsOf(detailOf({ status: 'resolved' })).next).toEqual([]);
  });

  it('is twenty lines at most', () => {
    const runs = Array.from({ length: 25 }, (_, index) => runOf(`run-${index}`));
    const { next } = newsOf(detailOf({}, { runs }));
    expect(next).toHaveLength(21);
    expect(next.at(-1)).toBe('and 5 more');
  });
});

describe('the news of an incident', () => {
  it('say whom it belongs to', () => {
    const people = new Map([['ann', { slack: 'U1' }]]);
    expect(newsOf(detailOf({ acknowledgedBy: 'ann' }), { people }).ownerSlackId).toBe('U1');
    expect(newsOf(detailOf({ acknowledgedBy: 'slack:U2' }), { people }).ownerSlackId).toBe('U2');
    expect(newsOf(detailOf({ acknowledgedBy: 'bob' }), { people })).not.toHaveProperty('ownerSlackId');
  });

  it('have the severity that PagerDuty knows: as it is set, or by rank', () => {
    const ranks = [0, 1, 2, 3, 4].map((severityRank) => newsOf(detailOf({ severityRank })).pagerdutySeverity);
    expect(ranks).toEqual(['critical', 'error', 'warning', 'info', 'info']);
    expect(newsOf(detailOf(), { plan: { ...PLAN, pagerdutySeverity: 'warning' } }).pagerdutySeverity).toBe('warning');
  });

  it('have the text for customers of this phase, where there is one', () => {
    expect(newsOf(detailOf())).toMatchObject({ phase: 'investigating', customerMessage: 'We look at web-1.' });
    expect(newsOf(detailOf({ firing: 0 }, { lines: [] }))).not.toHaveProperty('customerMessage');
    expect(newsOf(detailOf({ status: 'resolved' })).customerMessage).toBe('It is over.');
  });

  it('link to the incident under the external URL', () => {
    const { url } = newsOf(detailOf(), { externalUrl: 'https://remedyd.example/ops/' });
    expect(url).toBe('https://remedyd.example/ops/api/v1/incidents/inc-1');
    expect(newsOf(detailOf())).not.toHaveProperty('url');
  });

  it('have a draft of the post-mortem once it is resolved and its severity asks for one', () => {
    const postMortem = (): string => '# Post-mortem';
    const plan = { ...PLAN, postMortem: true };
    expect(newsOf(detailOf({ status: 'resolved' }), { plan, postMortem }).postMortem).toBe('# Post-mortem');
    expect(newsOf(detailOf(), { plan, postMortem })).not.toHaveProperty('postMortem');
    expect(newsOf(detailOf({ status: 'resolved' }), { postMortem })).not.toHaveProperty('postMortem');
  });

  it('keep the whole story', () => {
    expect(newsOf(detailOf()).detail.timeline).toEqual([{ ...entryOf(), position: 1 }]);
  });
});
