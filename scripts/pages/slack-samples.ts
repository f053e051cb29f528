import { copyLabels } from '../../src/domain/alert.ts';
import type { BundleNews, IncidentNews } from '../../src/domain/notifier.ts';
import type { Approval, Incident, Line, Run, StepRecord } from '../../src/domain/state.ts';
import type { MemberAlert } from '../../src/domain/store.ts';

// What the pictures of docs/slack.md show: fixed instants and ids, so that they are the same at every generation.

const START = Date.UTC(2026, 10, 21, 9, 0, 0);
const MINUTE = 60_000;

/** An incident that nobody has taken, with what a sample changes. */
export function sampleIncident(overrides: Partial<Incident> = {}): Incident {
  return {
    id: 'inc_mi8k2l3p0000a1b2c3',
    rule: 'postgres-connections-exhausted',
    groupKey: 'group',
    groupLabels: copyLabels({ alertname: 'PostgresConnectionsExhausted', cluster: 'eu-1' }),
    status: 'triggered',
    severity: 'P0',
    severityRank: 0,
    startedAt: START,
    acknowledgedAt: null,
    acknowledgedBy: null,
    resolvedAt: null,
    closedAs: null,
    escalationLevel: 0,
    truncatedAlerts: 0,
    firing: 1,
    quietSince: null,
    lastSeenAt: START,
    previousId: null,
    notifyOnly: false,
    nextRung: 0,
    rungHeldSince: null,
    responseMissed: false,
    updateDueAt: START + 30 * MINUTE,
    fields: {},
    wakeAt: null,
    ...overrides,
  };
}

export function sampleLine(overrides: Partial<Line> = {}): Line {
  return {
    id: 'line-1',
    incidentId: 'inc_mi8k2l3p0000a1b2c3',
    rule: 'postgres-connections-exhausted',
    target: 'postgres:main',
    episode: 1,
    firing: 1,
    firingSince: START,
    resolvedAt: null,
    closedBy: null,
    severityRank: 0,
    runId: 'run-1',
    watchUntil: null,
    ...overrides,
  };
}

export function sampleRun(overrides: Partial<Run> = {}): Run {
  return {
    id: 'run-1',
    incidentId: 'inc_mi8k2l3p0000a1b2c3',
    lineId: 'line-1',
    lineEpisode: 1,
    rule: 'postgres-connections-exhausted',
    ruleDigest: 'digest',
    target: 'postgres:main',
    trigger: 'alert',
    actor: null,
    mode: 'auto',
    readsOnly: false,
    severityRank: 0,
    params: {},
    state: 'running',
    outcome: null,
    reason: null,
    rung: 0,
    attempt: 1,
    createdAt: START,
    startedAt: START + 1_000,
    actingAt: null,
    rungActed: false,
    endedAt: null,
    deadlineAt: null,
    verifyingSince: null,
    verifyDeadlineAt: null,
    stableSince: null,
    checksSeen: [],
    wakeAt: null,
    heldSince: null,
    escalatedFor: null,
    delayFrom: START,
    delayDone: true,
    announcedAt: null,
    cancelWindowDone: true,
    cancelledBy: null,
    overrides: [],
    verdicts: [],
    frozen: null,
    ending: null,
    quarantined: false,
    recurred: false,
    evidence: null,
    ...overrides,
  };
}

export function sampleStep(overrides: Partial<StepRecord> = {}): StepRecord {
  return {
    runId: 'run-1',
    address: '0:steps/kill',
    position: 2,
    id: 'kill',
    uses: 'postgres.terminate_sessions',
    effect: 'change',
    state: 'succeeded',
    stage: null,
    attempts: 1,
    connection: 'main',
    params: {},
    plan: { summary: 'terminate 12 sessions idle in transaction for over 5m', identity: {}, touches: [], data: null },
    output: { terminated: 12, remaining: 0 },
    error: null,
    items: null,
    item: null,
    startedAt: START + 2_000,
    actingAt: START + 3_000,
    endedAt: START + 4_000,
    wakeAt: null,
    expectUntil: null,
    ...overrides,
  };
}

export function sampleApproval(overrides: Partial<Approval> = {}): Approval {
  return {
    id: 'a3f1c2d4e5f60718293a4b5c6d7e8f90',
    runId: 'run-1',
    incidentId: 'inc_mi8k2l3p0000a1b2c3',
    address: '0:steps/restart',
    intentDigest: 'digest',
    intent: [
      {
        address: '0:steps/restart',
        uses: 'docker.restart_container',
        connection: 'local',
        params: {},
        identity: {},
        summary: 'restart container pgbouncer-1 (running since 3d4h)',
      },
    ],
    why: 'the rule is in mode approve',
    roles: ['dba'],
    count: 2,
    excluded: null,
    state: 'open',
    approvedBy: ['alice'],
    decidedBy: null,
    decidedAt: null,
    reason: null,
    askedAt: START + MINUTE,
    timeoutAt: START + 16 * MINUTE,
    onTimeout: 'escalate',
    expiresAt: START + 24 * 60 * MINUTE,
    ...overrides,
  };
}

export function sampleAlert(overrides: { readonly labels?: Readonly<Record<string, string>> } = {}): MemberAlert {
  return {
    lineTarget: 'postgres:main',
    incidentId: 'inc_mi8k2l3p0000a1b2c3',
    episode: {
      id: 'episode-1',
      alertKey: 'key',
      source: 'prod',
      alertname: 'PostgresConnectionsExhausted',
      status: 'firing',
      startsAt: START,
      endsAt: null,
      previousEndsAt: null,
      firstSeenAt: START,
      lastSeenAt: START,
      closedBy: null,
      current: true,
      unconfirmedUntil: null,
      suppressed: false,
      absentSince: null,
      rulesDigest: 'digest',
    },
    content: {
      labels: copyLabels({ alertname: 'PostgresConnectionsExhausted', cluster: 'eu-1', ...overrides.labels }),
      annotations: copyLabels({}),
      fingerprint: 'a1b2c3d4e5f60718',
      generatorUrl: 'http://prometheus.example.com/graph?g0.expr=pg_stat_activity_count',
    },
  };
}

/** What is told of an incident with one line and nothing done yet, with what a sample changes. */
export function sampleNews(
  detail: Partial<IncidentNews['detail']> = {},
  news: Partial<Omit<IncidentNews, 'kind' | 'detail'>> = {},
): IncidentNews {
  return {
    kind: 'incident',
    detail: {
      incident: sampleIncident(),
      lines: [sampleLine()],
      alerts: [sampleAlert()],
      runs: [],
      steps: [],
      timeline: [],
      approvals: [],
      ...detail,
    },
    phase: 'investigating',
    description: 'PostgreSQL refuses new clients.',
    runbookUrl: 'https://runbooks.example.com/postgres-connections',
    url: 'https://remedyd.example.com/incidents/inc_mi8k2l3p0000a1b2c3',
    fields: [{ name: 'Impact', value: 'New clients are refused' }],
    pagerdutySeverity: 'critical',
    next: [],
    ...news,
  };
}

/** A name for the file, what it shows, and the news. */
export interface Sample {
  readonly name: string;
  readonly caption: string;
  readonly news: IncidentNews | BundleNews;
}

const investigating: Sample = {
  name: 'investigating',
  caption: 'A new incident: nobody has it yet, and the run waits for its delay.',
  news: sampleNews(
    {
      runs: [
        sampleRun({
          state: 'held',
          reason: 'delay',
          startedAt: null,
          verdicts: [{ gate: 'delay', verdict: 'hold', detail: 'the first alert is 20s old, delay is 1m' }],
        }),
      ],
    },
    { next: ['postgres:main: the playbook starts at 09:01:00 UTC, if the alert still fires'] },
  ),
};

const READ = sampleStep({
  id: 'sessions',
  address: '0:steps/sessions',
  position: 1,
  uses: 'postgres.list_sessions',
  effect: 'read',
  output: { total: 97, idle_in_transaction: 0 },
});

const approval: Sample = {
  name: 'approval',
  caption: 'A run waits for two people of the role `dba`; one has agreed. The buttons ask once more before they answer.',
  news: sampleNews(
    {
      incident: sampleIncident({
        status: 'acknowledged',
        acknowledgedBy: 'alice',
        acknowledgedAt: START + 2 * MINUTE,
        escalationLevel: 1,
      }),
      runs: [sampleRun({ state: 'held', reason: 'approval', mode: 'approve' })],
      steps: [READ],
      approvals: [sampleApproval()],
    },
    { phase: 'identified', next: ['postgres:main: the container is restarted once it is approved'], ownerSlackId: 'U0ALICE01' },
  ),
};

const resolved: Sample = {
  name: 'resolved',
  caption: 'Verified and resolved: what was done, and what says that it helped.',
  news: sampleNews(
    {
      incident: sampleIncident({
        status: 'resolved',
        closedAs: 'resolved',
        resolvedAt: START + 4 * MINUTE + 12_000,
        firing: 0,
        updateDueAt: null,
      }),
      lines: [sampleLine({ firing: 0 })],
      runs: [sampleRun({ state: 'ended', outcome: 'verified', evidence: 'checks', endedAt: START + 4 * MINUTE })],
      steps: [READ, sampleStep()],
    },
    { phase: 'resolved' },
  ),
};

const ineffective: Sample = {
  name: 'ineffective',
  caption: 'The playbook and its fallback did not help: people were called, with what was tried.',
  news: sampleNews(
    {
      incident: sampleIncident({ escalationLevel: 2, responseMissed: true, previousId: 'inc_mi7z00000000d4e5f6' }),
      runs: [
        sampleRun({
          state: 'ended',
          outcome: 'ineffective',
          reason: 'verification_failed',
          rung: 1,
          endedAt: START + 9 * MINUTE,
        }),
      ],
      steps: [
        sampleStep(),
        sampleStep({
          id: 'restart',
          address: '1:steps/restart',
          position: 5,
          uses: 'docker.restart_container',
          plan: { summary: 'restart container pgbouncer-1 (running since 3d4h)', identity: {}, touches: [], data: null },
        }),
      ],
    },
    { next: [] },
  ),
};

const bundle: Sample = {
  name: 'bundle',
  caption: 'Many incidents at once: one message, updated in place.',
  news: {
    kind: 'bundle',
    id: 'bundle_mi8k2l3p0000a1b2c3',
    startedAt: START,
    incidents: Array.from({ length: 42 }, (_, index) =>
      sampleIncident({
        id: `inc_mi8k2l3p${String(index).padStart(4, '0')}a1b2c3`,
        rule: index % 3 === 0 ? 'container-down' : 'disk-full',
        severity: index < 4 ? 'P0' : 'P2',
        groupLabels: copyLabels({ instance: `web-${index + 1}` }),
        ...(index < 30 ? {} : { status: 'resolved', closedAs: 'resolved' }),
        ...(index === 1 ? { status: 'acknowledged', acknowledgedBy: 'bob' } : {}),
      }),
    ),
    url: 'https://remedyd.example.com/incidents',
    pagerdutySeverity: 'critical',
  },
};

/** The messages that the documentation shows. */
export const SLACK_SAMPLES: readonly Sample[] = [investigating, approval, resolved, ineffective, bundle];
