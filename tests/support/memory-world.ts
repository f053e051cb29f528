import type { Rule, RuleSet } from '../../src/domain/rule.ts';
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
} from '../../src/domain/state.ts';
import type { Changes, LineFacts, MemberAlert } from '../../src/domain/store.ts';
import type { DecisionContext, IdKind, PipelineLimits } from '../../src/pipeline/decision-context.ts';
import type { CommandAnswer, PipelineEffect, PipelineEvent, Signal } from '../../src/pipeline/event.ts';
import type { Gate } from '../../src/pipeline/gates/gate.ts';
import { reduce } from '../../src/pipeline/reduce.ts';
import { World, type WorldRows } from '../../src/pipeline/world.ts';

/** Everything a store holds that decisions look at, as immutable rows in their order of creation. */
export interface MemoryState {
  readonly switches: Switches;
  readonly episodes: readonly (Episode & AlertContent)[];
  readonly members: readonly Member[];
  readonly incidents: readonly Incident[];
  readonly lines: readonly Line[];
  readonly runs: readonly Run[];
  readonly steps: readonly StepRecord[];
  readonly claims: readonly Claim[];
  readonly breakers: readonly Breaker[];
  readonly schedules: readonly ScheduleState[];
  readonly approvals: readonly Approval[];
  readonly notifications: readonly Notification[];
  /** Requests from outside that were taken. */
  readonly takenRequests: readonly string[];
}

/** A store that nothing was written to. */
export const EMPTY_STATE: MemoryState = {
  switches: {
    pausedAt: null,
    pausedUntil: null,
    pausedBy: null,
    pauseReason: null,
    stormSince: null,
    calmSince: null,
    bootAt: 0,
    downtimeMs: 0,
    reconciledAt: null,
  },
  episodes: [],
  members: [],
  incidents: [],
  lines: [],
  runs: [],
  steps: [],
  claims: [],
  breakers: [],
  schedules: [],
  approvals: [],
  notifications: [],
  takenRequests: [],
};

/** Limits over all rules that hold nothing back. */
export const OPEN_LIMITS: PipelineLimits = {
  storm: { count: 1_000, windowMs: 300_000 },
  maxRuns: { count: 1_000, windowMs: 600_000 },
  maxConcurrentRuns: 1_000,
  recurrenceMs: 3_600_000,
  settleMs: 120_000,
  staleAfterMs: 86_400_000,
};

export interface Decided {
  readonly state: MemoryState;
  readonly effects: readonly PipelineEffect[];
  readonly signals: readonly Signal[];
  readonly timeline: readonly TimelineEntry[];
  readonly audit: readonly AuditEntry[];
  readonly answer: CommandAnswer | undefined;
}

export interface ApplyOptions {
  readonly gates?: readonly Gate[];
  /** Changes what is written: how a defect is planted. */
  readonly alter?: (changes: Changes) => Changes;
}

/** Decides one event over a state in memory, and writes what it decided into a new state. */
export function applyEvent(
  state: MemoryState,
  event: PipelineEvent,
  context: DecisionContext,
  options: ApplyOptions = {},
): Decided {
  const world = worldOf(state, context);
  const answer = reduce(world, event, context, options.gates);
  const decided = world.changes();
  const changes = options.alter === undefined ? decided : options.alter(decided);
  return {
    state: save(state, changes),
    effects: world.effects,
    signals: world.signals,
    timeline: changes.timeline,
    audit: changes.audit,
    answer,
  };
}

/** What decisions may use. Ids count the rows of their kind, so that equal histories have equal ids. */
export function createContext(
  state: MemoryState,
  now: number,
  rules: RuleSet,
  more: {
    readonly limits?: PipelineLimits;
    readonly random?: () => number;
    readonly defaultChannel?: string;
    readonly slackIds?: ReadonlyMap<string, string>;
    /** Every rule that ever was, by digest. */
    readonly snapshots?: ReadonlyMap<string, Rule>;
  } = {},
): DecisionContext {
  const counts: Record<IdKind, number> = {
    ep: state.episodes.length,
    inc: state.incidents.length,
    line: state.lines.length,
    run: state.runs.length,
  };
  let tokens = state.approvals.length;
  return {
    now,
    rules,
    limits: more.limits ?? OPEN_LIMITS,
    newId: (kind) => `${kind}-${(counts[kind] += 1)}`,
    newToken: () => `token-${(tokens += 1)}`,
    defaultChannel: more.defaultChannel,
    slackIdOf: (person) => more.slackIds?.get(person),
    random: more.random ?? (() => 0.5),
    claimedRule: (run) => {
      const live = rules.byName(run.rule);
      if (live !== undefined && (live.digest === run.ruleDigest || run.startedAt === null)) return live;
      return more.snapshots?.get(run.ruleDigest);
    },
  };
}

/** The draft that decisions over this state are made on: all rows are there. */
export function worldOf(state: MemoryState, context: Pick<DecisionContext, 'now' | 'limits'>): World {
  const { now, limits } = context;
  const rows: WorldRows = {
    ...state,
    briefs: state.runs.filter((run) => run.state === 'running' || run.state === 'verifying' || run.actingAt !== null),
    lineFacts: state.lines.map((line) => factsOf(state, line, now)),
    memberAlerts: memberAlertsOf(state),
    firingAlerts: state.episodes.filter((episode) => episode.current && episode.status === 'firing'),
    counts: {
      newEpisodes: count(state.episodes, (episode) => episode.firstSeenAt >= now - limits.storm.windowMs),
      actingRuns: count(state.runs, (run) => run.actingAt !== null && run.actingAt >= now - limits.maxRuns.windowMs),
      running: count(state.runs, (run) => run.state === 'running' && !run.readsOnly),
    },
  };
  return new World(rows);
}

function count<Row>(rows: readonly Row[], fits: (row: Row) => boolean): number {
  let sum = 0;
  for (const row of rows) if (fits(row)) sum += 1;
  return sum;
}

function factsOf(state: MemoryState, line: Line, at: number): LineFacts {
  let firing = 0;
  let unsuppressed = 0;
  let confirmed = 0;
  let unconfirmedUntil: number | null = null;
  for (const member of state.members) {
    if (member.incidentId !== line.incidentId || member.target !== line.target) continue;
    const episode = state.episodes.find((candidate) => candidate.id === member.episodeId);
    if (episode?.status !== 'firing') continue;
    firing += 1;
    if (!episode.suppressed) unsuppressed += 1;
    if (episode.unconfirmedUntil === null || episode.unconfirmedUntil <= at) confirmed += 1;
    else unconfirmedUntil = Math.max(unconfirmedUntil ?? 0, episode.unconfirmedUntil);
  }
  return { lineId: line.id, firing, unsuppressed, confirmed, unconfirmedUntil };
}

/** Firing alerts first, as the store gives them. */
function memberAlertsOf(state: MemoryState): MemberAlert[] {
  const firing: MemberAlert[] = [];
  const resolved: MemberAlert[] = [];
  for (const { incidentId, episodeId, target } of state.members) {
    const episode = state.episodes.find((candidate) => candidate.id === episodeId);
    if (episode === undefined) continue;
    (episode.status === 'firing' ? firing : resolved).push({ lineTarget: target, incidentId, episode, content: episode });
  }
  return [...firing, ...resolved];
}

/** Writes what a transaction changed, as every store has to. */
function save(state: MemoryState, changes: Changes): MemoryState {
  const released = new Set(changes.releasedClaims);
  const claims = put(state.claims, changes.claims, (row) => row.key);
  return {
    switches: changes.switches ?? state.switches,
    episodes: putEpisodes(state.episodes, changes),
    members: put(state.members, changes.members, (row) => `${row.incidentId} ${row.episodeId}`),
    incidents: put(state.incidents, changes.incidents, (row) => row.id),
    lines: put(state.lines, changes.lines, (row) => row.id),
    runs: wake(
      put(state.runs, changes.runs, (row) => row.id),
      changes,
    ),
    steps: put(state.steps, changes.steps, (row) => `${row.runId} ${row.address}`),
    claims: released.size === 0 ? claims : claims.filter((claim) => !released.has(claim.key)),
    breakers: put(state.breakers, changes.breakers, (row) => row.rule),
    schedules: putSchedules(state.schedules, changes),
    approvals: put(state.approvals, changes.approvals, (row) => row.id),
    notifications: putNotifications(state.notifications, changes.notifications),
    takenRequests:
      changes.requests.length === 0 ? state.takenRequests : [...state.takenRequests, ...changes.requests.map(({ id }) => id)],
  };
}

function put<Row>(rows: readonly Row[], written: readonly Row[], keyOf: (row: Row) => string): readonly Row[] {
  if (written.length === 0) return rows;
  const next = [...rows];
  for (const row of written) {
    const key = keyOf(row);
    const index = next.findIndex((known) => keyOf(known) === key);
    if (index === -1) next.push(row);
    else next[index] = row;
  }
  return next;
}

function putSchedules(rows: readonly ScheduleState[], changes: Changes): readonly ScheduleState[] {
  const written = put(rows, changes.schedules, (row) => row.name);
  return changes.removedSchedules.length === 0 ? written : written.filter(({ name }) => !changes.removedSchedules.includes(name));
}

/** A row that is there stays, and becomes a page when it is asked for as one. */
function putNotifications(rows: readonly Notification[], asked: readonly Notification[]): readonly Notification[] {
  const merged = asked.map((row) => {
    const known = rows.find(({ id }) => id === row.id);
    return known === undefined ? row : { ...known, purpose: row.purpose === 'page' ? row.purpose : known.purpose };
  });
  return put(rows, merged, (row) => row.id);
}

function putEpisodes(rows: MemoryState['episodes'], changes: Changes): MemoryState['episodes'] {
  if (changes.episodes.length === 0 && changes.newEpisodes.length === 0) return rows;
  const next = rows.map((row) => {
    const written = changes.episodes.find((episode) => episode.id === row.id);
    return written === undefined ? row : { ...row, ...written };
  });
  return [...next, ...changes.newEpisodes];
}

function wake(rows: readonly Run[], changes: Changes): readonly Run[] {
  let next = rows;
  for (const { reasons, limit, at } of changes.wakeHeld) {
    for (const reason of reasons) {
      const urgent = next
        .filter((run) => run.state === 'held' && run.reason === reason)
        .sort((a, b) => a.severityRank - b.severityRank || a.createdAt - b.createdAt)
        .slice(0, limit);
      next = wakeThese(next, urgent, at);
    }
  }
  const { wakeAllHeldAt } = changes;
  if (wakeAllHeldAt === undefined) return next;
  return wakeThese(
    next,
    next.filter((run) => run.state === 'held' || run.state === 'pending'),
    wakeAllHeldAt,
  );
}

function wakeThese(rows: readonly Run[], woken: readonly Run[], at: number): readonly Run[] {
  const late = woken.filter((run) => run.wakeAt === null || run.wakeAt > at);
  return late.length === 0 ? rows : rows.map((run) => (late.includes(run) ? { ...run, wakeAt: at } : run));
}
