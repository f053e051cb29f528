import fc from 'fast-check';
import { copyLabels } from '../src/domain/alert.ts';
import type { Labels } from '../src/domain/alert.ts';
import type { Json, JsonObject } from '../src/domain/json.ts';
import { GATES, OUTCOMES, REASONS } from '../src/domain/reason.ts';
import { EFFECTS, STEP_ERROR_CODES } from '../src/domain/remediation.ts';
import { RULE_MODES } from '../src/domain/rule.ts';
import { STEP_STATES } from '../src/domain/scope.ts';
import {
  ACTOR_EDGES,
  APPROVAL_STATES,
  CLOSED_BY,
  INCIDENT_STATUSES,
  NOTIFICATION_CHANNELS,
  NOTIFICATION_PURPOSES,
  RUN_STATES,
  SCHEDULE_KINDS,
  SKIP_REASONS,
  STEP_STAGES,
  TIMELINE_KINDS,
  TRIGGERS,
} from '../src/domain/state.ts';
import type {
  AlertContent,
  Approval,
  AuditEntry,
  Breaker,
  Claim,
  Episode,
  Incident,
  Line,
  Member,
  Notification,
  Run,
  ScheduleState,
  StepRecord,
  Switches,
  TimelineEntry,
} from '../src/domain/state.ts';
import { SystemClock } from '../src/domain/system-clock.ts';
import { SqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { changesOf } from './support/store-rows.ts';

const CASES = 60;

type Arbitraries<T> = { readonly [K in keyof T]-?: fc.Arbitrary<T[K]> };

const HOSTILE = [
  '',
  '\0',
  'a\0b',
  '__proto__',
  'constructor',
  "'; drop table run; --",
  '$(reboot)',
  '\n\r\t',
  '\u2028',
  '😀',
  '"\\',
  'null',
  '1e999',
];
/** What a column can hold: anything but lone surrogates, which have their own test. */
const text = fc
  .oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }))
  .map((value) => value.toWellFormed());
/** What nested values can hold: lone surrogates too. */
const anyText = fc.oneof(text, fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }));
const instant = fc.integer({ min: 0, max: 8_640_000_000_000_000 });
const count = fc.integer({ min: 0, max: 2 ** 31 });
const digest = fc.constantFrom('digest-1', 'digest-2');
const or = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { nil: null });
const json: fc.Arbitrary<Json> = fc
  .jsonValue({ noUnicodeString: false })
  .map((value) => JSON.parse(JSON.stringify(value)) as Json);
const jsonObject: fc.Arbitrary<JsonObject> = fc
  .array(fc.tuple(anyText, json))
  // As JSON.parse makes them: `__proto__` is an own key.
  .map(
    (entries) =>
      JSON.parse(`{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join()}}`) as JsonObject,
  );
const labels: fc.Arbitrary<Labels> = fc.array(fc.tuple(anyText, anyText)).map((entries) => {
  const all: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of [...entries, ['__proto__', 'polluted'] as const]) all[name] = value;
  return copyLabels(all);
});
const word = <const W extends string>(words: readonly W[]): fc.Arbitrary<W> => fc.constantFrom(...words);
const record = <T>(arbitraries: Arbitraries<T>): fc.Arbitrary<T> => fc.record(arbitraries);

const episode = record<Episode>({
  id: text,
  alertKey: text,
  source: text,
  alertname: text,
  status: word(['firing', 'resolved']),
  startsAt: instant,
  endsAt: or(instant),
  previousEndsAt: or(instant),
  firstSeenAt: instant,
  lastSeenAt: instant,
  closedBy: or(word(CLOSED_BY)),
  current: fc.boolean(),
  unconfirmedUntil: or(instant),
  suppressed: fc.boolean(),
  absentSince: or(instant),
  rulesDigest: digest,
});
const content = record<AlertContent>({ labels, annotations: labels, fingerprint: text, generatorUrl: text });
const member = record<Member>({ incidentId: text, episodeId: text, rule: text, target: or(text), joinedAt: instant });
const incident = record<Incident>({
  id: text,
  rule: text,
  groupKey: text,
  groupLabels: labels,
  status: word(INCIDENT_STATUSES),
  severity: text,
  severityRank: count,
  startedAt: instant,
  acknowledgedAt: or(instant),
  acknowledgedBy: or(text),
  resolvedAt: or(instant),
  closedAs: or(word(['resolved', 'stale', 'dismissed'])),
  escalationLevel: count,
  truncatedAlerts: count,
  firing: count,
  quietSince: or(instant),
  lastSeenAt: instant,
  previousId: or(text),
  notifyOnly: fc.boolean(),
  nextRung: count,
  rungHeldSince: or(instant),
  responseMissed: fc.boolean(),
  updateDueAt: or(instant),
  fields: labels.map((entries) => JSON.parse(JSON.stringify(entries)) as Record<string, string>),
  wakeAt: or(instant),
});
const line = record<Line>({
  id: text,
  incidentId: text,
  rule: text,
  target: text,
  episode: count,
  firing: count,
  firingSince: instant,
  resolvedAt: or(instant),
  closedBy: or(word(CLOSED_BY)),
  severityRank: count,
  runId: or(text),
  watchUntil: or(instant),
});
const alertView = fc.record({ status: anyText, labels, annotations: labels, fingerprint: anyText, starts_at: instant });
const reason = word([...REASONS, ...STEP_ERROR_CODES]);
const run = record<Run>({
  id: text,
  incidentId: or(text),
  lineId: or(text),
  lineEpisode: count,
  rule: text,
  ruleDigest: digest,
  target: text,
  trigger: word(TRIGGERS),
  actor: or(text),
  mode: word(RULE_MODES),
  readsOnly: fc.boolean(),
  severityRank: count,
  params: jsonObject,
  state: word(RUN_STATES),
  outcome: or(word(OUTCOMES)),
  reason: or(reason),
  rung: count,
  attempt: count,
  createdAt: instant,
  startedAt: or(instant),
  actingAt: or(instant),
  rungActed: fc.boolean(),
  endedAt: or(instant),
  deadlineAt: or(instant),
  verifyingSince: or(instant),
  verifyDeadlineAt: or(instant),
  stableSince: or(instant),
  checksSeen: fc.array(fc.boolean()),
  wakeAt: or(instant),
  heldSince: or(instant),
  escalatedFor: or(text),
  delayFrom: instant,
  delayDone: fc.boolean(),
  announcedAt: or(instant),
  cancelWindowDone: fc.boolean(),
  cancelledBy: or(text),
  overrides: fc.array(word(GATES)),
  verdicts: fc.array(fc.record({ gate: word(GATES), verdict: word(['proceed', 'hold', 'suppress']), detail: anyText })),
  frozen: or(
    fc.record({
      alerts: fc.array(alertView, { maxLength: 3 }),
      group: labels,
      severity: anyText,
      incidentStatus: anyText,
      incidentStartedAt: instant,
    }),
  ),
  ending: or(fc.record({ outcome: word(OUTCOMES), reason: or(reason) })),
  quarantined: fc.boolean(),
  recurred: fc.boolean(),
  evidence: or(word(['checks', 'alert'])),
});
const step = record<StepRecord>({
  runId: text,
  address: text,
  position: count,
  id: text,
  uses: text,
  effect: word(EFFECTS),
  state: word(STEP_STATES),
  stage: or(word(STEP_STAGES)),
  attempts: count,
  connection: or(text),
  params: or(jsonObject),
  plan: or(fc.record({ summary: anyText, identity: jsonObject, touches: fc.array(anyText), data: json })),
  output: or(jsonObject),
  error: or(fc.record({ code: word(STEP_ERROR_CODES), message: anyText, happened: word(['nothing', 'unknown']) })),
  items: or(fc.array(json)),
  item: or(json),
  startedAt: instant,
  actingAt: or(instant),
  endedAt: or(instant),
  wakeAt: or(instant),
  expectUntil: or(instant),
});
const claim = record<Claim>({ key: text, runId: text, rule: text, since: instant, quarantined: fc.boolean() });
const schedule = record<ScheduleState>({
  kind: word(SCHEDULE_KINDS),
  name: text,
  digest: text,
  nextAt: or(instant),
  lastAt: or(instant),
  liveRunId: or(text),
  lastRunId: or(text),
  lastRunAt: or(instant),
  lastOutcome: or(text),
  lastSkipAt: or(instant),
  lastSkipReason: or(word(SKIP_REASONS)),
});
const breaker = record<Breaker>({ rule: text, openedAt: or(instant), rearmedAt: instant, rearmedBy: or(text) });
const switches = record<Switches>({
  pausedAt: or(instant),
  pausedUntil: or(instant),
  pausedBy: or(text),
  pauseReason: or(text),
  stormSince: or(instant),
  calmSince: or(instant),
  bootAt: instant,
  downtimeMs: count,
  reconciledAt: or(instant),
});
const entry = record<TimelineEntry>({
  incidentId: text,
  runId: or(text),
  at: instant,
  kind: word(TIMELINE_KINDS),
  reason: or(text),
  text,
  actor: or(text),
});

const approval = record<Approval>({
  id: text,
  runId: text,
  incidentId: or(text),
  address: text,
  intentDigest: text,
  intent: fc.array(
    fc.record({
      address: anyText,
      uses: anyText,
      connection: or(anyText),
      params: jsonObject,
      identity: jsonObject,
      summary: anyText,
    }),
    { maxLength: 3 },
  ),
  why: text,
  roles: fc.array(anyText),
  count,
  excluded: or(text),
  state: word(APPROVAL_STATES),
  approvedBy: fc.array(anyText),
  decidedBy: or(text),
  decidedAt: or(instant),
  reason: or(text),
  askedAt: instant,
  timeoutAt: instant,
  onTimeout: word(['escalate', 'cancel']),
  expiresAt: instant,
});
const notification = record<Notification>({
  id: text,
  incidentId: or(text),
  channel: word(NOTIFICATION_CHANNELS),
  place: text,
  purpose: word(NOTIFICATION_PURPOSES),
  text: or(text),
  bundleId: or(text),
  createdAt: instant,
  wanted: count,
  toldVersion: count,
  told: or(jsonObject),
  toldPosition: count,
  underWay: or(jsonObject),
  notBefore: instant,
  attempts: count,
  lastError: or(text),
  isDead: fc.boolean(),
});
const auditEntry = record<AuditEntry>({
  at: instant,
  person: text,
  via: word(ACTOR_EDGES),
  action: text,
  subject: text,
  details: jsonObject,
  ok: fc.boolean(),
  text,
});

describe('what is saved is read back as it was', () => {
  let store: SqliteStore;

  beforeEach(async () => {
    store = new SqliteStore({ path: ':memory:', clock: new SystemClock() });
    await store.open();
  });

  afterEach(() => store.close());

  const transact: SqliteStore['transact'] = (work) => store.transact(work);
  const check = <T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => Promise<void>): Promise<void> =>
    fc.assert(
      fc.asyncProperty(arbitrary, async (value) => {
        // A store of its own, so that two cases never share a unique key.
        await store.close();
        await store.open();
        await property(value);
      }),
      { numRuns: CASES },
    );

  it('an episode with its alert', () =>
    check(fc.tuple(episode, content, member), async ([row, alert, place]) => {
      await transact((tx) =>
        tx.save(changesOf({ newEpisodes: [{ ...row, ...alert }], members: [{ ...place, episodeId: row.id }] })),
      );
      const [episodes, current, members, alerts] = await transact((tx) =>
        Promise.all([
          tx.episodes([row.id]),
          tx.currentEpisodes([row.alertKey]),
          tx.members([row.id]),
          tx.memberAlerts([place.incidentId], { firingOnly: false, limit: 1 }),
        ]),
      );
      expect(episodes).toEqual([row]);
      expect(current).toEqual(row.current ? [row] : []);
      expect(members).toEqual([{ ...place, episodeId: row.id }]);
      expect(alerts).toEqual([{ incidentId: place.incidentId, lineTarget: place.target, episode: row, content: alert }]);
      expect(Object.getPrototypeOf(alerts[0]?.content.labels)).toBeNull();
    }));

  it('an incident with its line and story', () =>
    check(fc.tuple(incident, line, entry), async ([row, itsLine, itsEntry]) => {
      await transact((tx) =>
        tx.save(changesOf({ incidents: [row], lines: [itsLine], timeline: [{ ...itsEntry, incidentId: row.id }] })),
      );
      const [incidents, latest, lines, linesAt] = await transact((tx) =>
        Promise.all([tx.incidents([row.id]), tx.latestIncidents([row.groupKey]), tx.lines([itsLine.id]), tx.linesAt([itsLine])]),
      );
      expect([incidents, latest, lines, linesAt]).toEqual([[row], [row], [itsLine], [itsLine]]);
      expect((await store.incidentDetail(row.id))?.timeline).toEqual([{ ...itsEntry, incidentId: row.id, position: 1 }]);
    }));

  it('a run with its step and claim', () =>
    check(fc.tuple(run, step, claim), async ([row, itsStep, itsClaim]) => {
      await transact((tx) => tx.save(changesOf({ runs: [row], steps: [itsStep], claims: [itsClaim] })));
      const [runs, steps, claims, ofRuns] = await transact((tx) =>
        Promise.all([tx.runs([row.id]), tx.steps([itsStep.runId]), tx.claims([itsClaim.key]), tx.claimsOfRuns([itsClaim.runId])]),
      );
      expect([runs, steps, claims, ofRuns]).toEqual([[row], [itsStep], [itsClaim], [itsClaim]]);
      const group = runs[0]?.frozen?.group;
      if (group !== undefined) expect(Object.getPrototypeOf(group)).toBeNull();
    }));

  it('an approval and a taken request', () =>
    check(fc.tuple(approval, text), async ([row, request]) => {
      await transact((tx) => tx.save(changesOf({ approvals: [row], requests: [{ id: request, at: 1 }] })));
      const [approvals, taken] = await transact((tx) =>
        Promise.all([tx.approvalsOfRuns([row.runId]), tx.takenRequests([request, `${request} not`])]),
      );
      expect([approvals, await store.approval(row.id), taken]).toEqual([[row], row, [request]]);
    }));

  it('a notification, as it was asked for and as it was delivered', () =>
    check(fc.tuple(notification, notification), async ([asked, later]) => {
      const delivered = { ...later, id: asked.id };
      await transact((tx) => tx.save(changesOf({ notifications: [asked] })));
      expect(await store.listNotifications({ limit: 2 })).toEqual([asked]);
      await transact((tx) => tx.save(changesOf({ delivered: [delivered] })));
      expect(await transact((tx) => tx.notifications([asked.id]))).toEqual([
        { ...delivered, wanted: asked.wanted, purpose: asked.purpose },
      ]);
    }));

  it('audit entries, which hold together', () =>
    check(fc.array(auditEntry, { minLength: 1, maxLength: 4 }), async (entries) => {
      await transact((tx) => tx.save(changesOf({ audit: entries })));
      const trail = await store.auditTrail({ limit: 9 });
      expect(trail.map(({ position: _position, hash: _hash, ...entry }) => entry)).toEqual(entries.toReversed());
      expect(await store.checkAudit()).toEqual({ entries: entries.length, head: trail[0]?.hash });
    }));

  it('schedules', () =>
    check(schedule, async (itsSchedule) => {
      await transact((tx) => tx.save(changesOf({ schedules: [itsSchedule] })));
      expect(await transact((tx) => tx.schedules(itsSchedule.kind))).toEqual([itsSchedule]);
      expect(await store.schedules(itsSchedule.kind)).toEqual([itsSchedule]);
    }));

  it('breakers, switches, definitions of rules and unreadable alerts', () =>
    check(fc.tuple(breaker, switches, text, text, json), async ([itsBreaker, itsSwitches, name, definition, payload]) => {
      await transact((tx) =>
        tx.save(
          changesOf({
            breakers: [itsBreaker],
            switches: itsSwitches,
            ruleSnapshots: [{ digest: name, definition }],
            quarantined: [{ reason: name, payload, source: definition, receivedAt: 1 }],
          }),
        ),
      );
      expect(await store.listBreakers()).toEqual([itsBreaker]);
      expect(await store.switches()).toEqual(itsSwitches);
      expect(await store.ruleSnapshots([name])).toEqual(new Map([[name, definition]]));
      const [alert] = await store.listQuarantined(1);
      expect({ ...alert, payload: JSON.parse(alert?.payload ?? '') as unknown }).toEqual({
        reason: name,
        payload,
        source: definition,
        receivedAt: 1,
      });
    }));

  it('lone surrogates in a column as U+FFFD, and finds them by the same text', () =>
    check(fc.tuple(line, claim), async ([itsLine, itsClaim]) => {
      const target = `web-\ud800${itsLine.target}`;
      const key = `target:${target}`;
      await transact((tx) => tx.save(changesOf({ lines: [{ ...itsLine, target }], claims: [{ ...itsClaim, key }] })));
      const [lines, claims] = await transact((tx) => Promise.all([tx.linesAt([{ ...itsLine, target }]), tx.claims([key])]));
      expect(lines).toEqual([{ ...itsLine, target: target.toWellFormed() }]);
      expect(claims).toEqual([{ ...itsClaim, key: key.toWellFormed() }]);
      await transact((tx) => tx.save(changesOf({ releasedClaims: [key] })));
      expect(await transact((tx) => tx.claims([key]))).toEqual([]);
    }));
});
