import { alertKey, copyLabels } from '../../src/domain/alert.ts';
import type {
  AlertContent,
  Approval,
  AuditEntry,
  Claim,
  Episode,
  Incident,
  Line,
  Member,
  Notification,
  Run,
  ScheduleState,
  StepRecord,
  TimelineEntry,
} from '../../src/domain/state.ts';
import { NO_CHANGES, type Changes } from '../../src/domain/store.ts';

/** A save that writes nothing but what is given. */
export function changesOf(changes: Partial<Changes>): Changes {
  return { ...NO_CHANGES, ...changes };
}

export function contentOf(overrides: Partial<AlertContent> = {}): AlertContent {
  return {
    labels: copyLabels({ alertname: 'DiskFull', instance: 'web-1' }),
    annotations: copyLabels({ summary: 'the disk is full' }),
    fingerprint: 'a1b2c3d4e5f60718',
    generatorUrl: 'http://prometheus.example/graph',
    ...overrides,
  };
}

export function episodeOf(id: string, overrides: Partial<Episode> = {}): Episode {
  return {
    id,
    alertKey: alertKey('alertmanager', copyLabels({ id })),
    source: 'alertmanager',
    alertname: 'DiskFull',
    status: 'firing',
    startsAt: 1000,
    endsAt: null,
    previousEndsAt: null,
    firstSeenAt: 1100,
    lastSeenAt: 1200,
    closedBy: null,
    current: true,
    unconfirmedUntil: null,
    suppressed: false,
    absentSince: null,
    rulesDigest: 'digest-1',
    ...overrides,
  };
}

export function newEpisodeOf(id: string, overrides: Partial<Episode & AlertContent> = {}): Episode & AlertContent {
  return { ...episodeOf(id), ...contentOf(), ...overrides };
}

export function memberOf(incidentId: string, episodeId: string, overrides: Partial<Member> = {}): Member {
  return { incidentId, episodeId, rule: 'disk-full', target: 'web-1', joinedAt: 1100, ...overrides };
}

export function incidentOf(id: string, overrides: Partial<Incident> = {}): Incident {
  return {
    id,
    rule: 'disk-full',
    groupKey: `group of ${id}`,
    groupLabels: copyLabels({ cluster: 'a' }),
    status: 'triggered',
    severity: 'P1',
    severityRank: 0,
    startedAt: 1100,
    acknowledgedAt: null,
    acknowledgedBy: null,
    resolvedAt: null,
    closedAs: null,
    escalationLevel: 0,
    truncatedAlerts: 0,
    firing: 1,
    quietSince: null,
    lastSeenAt: 1200,
    previousId: null,
    notifyOnly: false,
    nextRung: 0,
    rungHeldSince: null,
    responseMissed: false,
    updateDueAt: null,
    fields: {},
    wakeAt: null,
    ...overrides,
  };
}

export function lineOf(id: string, incidentId: string, overrides: Partial<Line> = {}): Line {
  return {
    id,
    incidentId,
    rule: 'disk-full',
    target: 'web-1',
    episode: 1,
    firing: 1,
    firingSince: 1100,
    resolvedAt: null,
    closedBy: null,
    severityRank: 0,
    runId: null,
    watchUntil: null,
    ...overrides,
  };
}

export function runOf(id: string, overrides: Partial<Run> = {}): Run {
  return {
    id,
    incidentId: 'incident-1',
    lineId: 'line-1',
    lineEpisode: 1,
    rule: 'disk-full',
    ruleDigest: 'digest-1',
    target: 'web-1',
    trigger: 'alert',
    actor: null,
    mode: 'auto',
    readsOnly: false,
    severityRank: 0,
    params: {},
    state: 'pending',
    outcome: null,
    reason: null,
    rung: 0,
    attempt: 1,
    createdAt: 1100,
    startedAt: null,
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
    delayFrom: 1100,
    delayDone: false,
    announcedAt: null,
    cancelWindowDone: false,
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

export function stepOf(runId: string, address: string, overrides: Partial<StepRecord> = {}): StepRecord {
  return {
    runId,
    address,
    position: 0,
    id: 'clean',
    uses: 'exec.run',
    effect: 'change',
    state: 'pending',
    stage: null,
    attempts: 0,
    connection: null,
    params: null,
    plan: null,
    output: null,
    error: null,
    items: null,
    item: null,
    startedAt: 1300,
    actingAt: null,
    endedAt: null,
    wakeAt: null,
    expectUntil: null,
    ...overrides,
  };
}

export function claimOf(key: string, runId: string, overrides: Partial<Claim> = {}): Claim {
  return { key, runId, rule: 'disk-full', since: 1300, quarantined: false, ...overrides };
}

export function entryOf(overrides: Partial<TimelineEntry> = {}): TimelineEntry {
  return {
    incidentId: 'incident-1',
    runId: null,
    at: 1100,
    kind: 'note',
    reason: null,
    text: 'a note',
    actor: null,
    ...overrides,
  };
}

export function approvalOf(id: string, runId: string, overrides: Partial<Approval> = {}): Approval {
  return {
    id,
    runId,
    incidentId: 'incident-1',
    address: '0:steps/clean',
    intentDigest: 'intent-1',
    intent: [],
    why: 'the rule asks',
    roles: [],
    count: 1,
    excluded: null,
    state: 'open',
    approvedBy: [],
    decidedBy: null,
    decidedAt: null,
    reason: null,
    askedAt: 1300,
    timeoutAt: 2300,
    onTimeout: 'escalate',
    expiresAt: 9300,
    ...overrides,
  };
}

export function scheduleOf(name: string, overrides: Partial<ScheduleState> = {}): ScheduleState {
  return {
    kind: 'rule',
    name,
    digest: 'digest-1',
    nextAt: null,
    lastAt: null,
    liveRunId: null,
    lastRunId: null,
    lastRunAt: null,
    lastOutcome: null,
    lastSkipAt: null,
    lastSkipReason: null,
    ...overrides,
  };
}

/** The place `#ops` on Slack, or the one that is given; owed its first message. */
export function notificationOf(incidentId: string, overrides: Partial<Notification> = {}): Notification {
  const place = overrides.place ?? '#ops';
  return {
    id: `${incidentId}:${overrides.channel ?? 'slack'}:${place}`,
    incidentId,
    channel: 'slack',
    place,
    purpose: 'message',
    text: null,
    bundleId: null,
    createdAt: 1100,
    wanted: 1,
    toldVersion: 0,
    told: null,
    toldPosition: 0,
    underWay: null,
    notBefore: 0,
    attempts: 0,
    lastError: null,
    isDead: false,
    ...overrides,
  };
}

export function auditEntryOf(overrides: Partial<AuditEntry> = {}): AuditEntry {
  return {
    at: 1300,
    person: 'ann',
    via: 'api',
    action: 'acknowledge',
    subject: 'incident-1',
    details: {},
    ok: true,
    text: 'acknowledged',
    ...overrides,
  };
}
