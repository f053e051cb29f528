import type { Clock } from '../../domain/clock.ts';
import { NOTIFICATION_CHANNELS } from '../../domain/state.ts';
import type {
  AlertContent,
  Approval,
  Breaker,
  Episode,
  Incident,
  Notification,
  Run,
  ScheduleKind,
  ScheduleState,
  StepRecord,
  StoredAuditEntry,
  StoredTimelineEntry,
  Switches,
} from '../../domain/state.ts';
import { StoreUnavailableError } from '../../domain/store.ts';
import type {
  AuditCheck,
  DueNotification,
  DueWork,
  IncidentDetail,
  IncidentFilter,
  NotificationFilter,
  OutboxCount,
  Page,
  ReportWindow,
  Store,
  StoreCounts,
  StoreTransaction,
} from '../../domain/store.ts';
import type { ReportedIncident, ReportedRun } from '../../domain/reported.ts';
import { formatCursor, listIncidents } from '../queries/list-incidents.ts';
import { listNotifications } from '../queries/notification-queries.ts';
import { createStoreQueries } from '../queries/store-queries.ts';
import type { StoreQueries } from '../queries/store-queries.ts';
import { writeRows } from '../queries/write-rows.ts';
import { ONLY_ROW } from '../rows.ts';
import { switchesOf } from '../switches-of.ts';
import { checkAudit } from './check-audit.ts';
import { openConnections } from './open-connections.ts';
import type { Connections } from './open-connections.ts';
import { pruneStore } from './prune-store.ts';
import { SerialQueue } from './serial-queue.ts';
import { SnapshotReads } from './snapshot-reads.ts';
import { createSqliteDialect } from './sqlite-dialect.ts';
import { SqliteSession } from './sqlite-session.ts';
import { SqliteTransaction } from './sqlite-transaction.ts';

/** The row that `probe` writes, apart from the sign of life. */
const PROBE_ROW = 'probe';
/** How many alerts of each line a person is shown. */
const ALERTS_SHOWN = 100;
/** 7 days: nobody sends a request again after that. */
const REQUESTS_KEPT_MS = 604_800_000;
const DEFAULT_BUSY_TIMEOUT_MS = 5_000;

export interface SqliteStoreOptions {
  /** A file, made with its directory where it is not there yet; or `:memory:` for a store in this thread that ends with it. */
  readonly path: string;
  readonly clock: Clock;
  /** How long a write waits for another program's lock on the file (default 5 s). */
  readonly busyTimeoutMs?: number;
  /** For measurements: waits before each commit, as a slow disk would. */
  readonly commitDelayMs?: number;
}

/**
 * The store in a SQLite file. Transactions run on one thread, and reads outside of them on another, so that a long list does not
 * hold up a webhook. A store in memory has one connection for both: awaiting such a read inside a transaction would wait forever.
 */
export class SqliteStore implements Store {
  readonly #options: Required<SqliteStoreOptions>;
  readonly #queries: StoreQueries = createStoreQueries(createSqliteDialect());
  readonly #transactions = new SerialQueue();
  readonly #commitListeners: ((seconds: number) => void)[] = [];
  /** Definitions that this process saved and may count on, whether a run needs them at the moment or not. */
  readonly #savedDigests = new Set<string>();
  #connections: Connections | undefined;

  constructor(options: SqliteStoreOptions) {
    this.#options = { busyTimeoutMs: DEFAULT_BUSY_TIMEOUT_MS, commitDelayMs: 0, ...options };
  }

  async open(): Promise<void> {
    this.#connections ??= await openConnections(this.#options);
  }

  async close(): Promise<void> {
    const connections = this.#connections;
    if (connections === undefined) return;
    this.#connections = undefined;
    await this.#transactions.run(() => connections.close());
  }

  transact<T>(work: (transaction: StoreTransaction) => Promise<T>): Promise<T> {
    return this.#inSession((session) =>
      work(new SqliteTransaction(session, this.#queries, this.#savedDigests, this.#options.clock)),
    );
  }

  probe(): Promise<void> {
    return this.#inSession((session) => {
      session.write(writeRows(this.#queries.write.heartbeats, [{ id: PROBE_ROW, at: this.#options.clock.now() }]));
      return Promise.resolve();
    });
  }

  due(now: number, limit: number): Promise<DueWork> {
    const { runs, incidents, schedules } = this.#queries;
    return this.#read(async (reads) => {
      // One more than asked for shows whether something is due after these.
      const [runIds, incidentIds, [nextRunAt], [nextIncidentAt], [nextTickAt]] = await Promise.all([
        reads.query(runs.due, { now, limit: limit + 1 }),
        reads.query(incidents.due, { now, limit: limit + 1 }),
        reads.query(runs.nextDue, { now }),
        reads.query(incidents.nextDue, { now }),
        reads.query(schedules.nextOfRules, {}),
      ]);
      const hasMore = runIds.length > limit || incidentIds.length > limit;
      const isScheduleDue = nextTickAt != null && nextTickAt <= now;
      const nextTick = isScheduleDue ? Infinity : (nextTickAt ?? Infinity);
      const nextAt = hasMore ? now : Math.min(nextRunAt ?? Infinity, nextIncidentAt ?? Infinity, nextTick);
      return {
        runIds: runIds.slice(0, limit),
        incidentIds: incidentIds.slice(0, limit),
        isScheduleDue,
        nextAt: nextAt === Infinity ? null : nextAt,
      };
    });
  }

  runIdsInState(states: readonly Run['state'][]): Promise<readonly string[]> {
    const { liveIdsInState, idsInState } = this.#queries.runs;
    return this.#read((reads) => reads.query(states.includes('ended') ? idsInState : liveIdsInState, { states }));
  }

  /** Throws a `RangeError` for a cursor that is not of this store. */
  async listIncidents(filter: IncidentFilter): Promise<Page<Incident>> {
    const query = listIncidents(this.#queries.dialect, filter);
    const found = await this.#read((reads) => reads.run(query));
    const items = found.slice(0, filter.limit);
    const last = items.at(-1);
    return { items, nextCursor: last !== undefined && found.length > filter.limit ? formatCursor(last) : null };
  }

  incidentDetail(id: string): Promise<IncidentDetail | undefined> {
    const { incidents, episodes, runs, approvals } = this.#queries;
    const incidentIds = [id];
    return this.#read(async (reads) => {
      const [[incident], lines, alerts, itsRuns, steps, timeline, itsApprovals] = await Promise.all([
        reads.query(incidents.byId, { ids: incidentIds }),
        reads.query(incidents.linesOfIncidents, { incidentIds }),
        reads.query(episodes.memberAlerts, { incidentIds, limit: ALERTS_SHOWN }),
        reads.query(runs.ofIncidents, { incidentIds }),
        reads.query(runs.stepsOfIncident, { incidentId: id }),
        reads.query(incidents.timeline, { incidentId: id }),
        reads.query(approvals.ofIncident, { incidentId: id }),
      ]);
      if (incident === undefined) return undefined;
      return { incident, lines, alerts, runs: itsRuns, steps, timeline, approvals: itsApprovals };
    });
  }

  runDetail(id: string): Promise<
    | {
        readonly run: Run;
        readonly steps: readonly StepRecord[];
        readonly timeline: readonly StoredTimelineEntry[];
        readonly approvals: readonly Approval[];
      }
    | undefined
  > {
    const { runs, approvals } = this.#queries;
    return this.#read(async (reads) => {
      const [[run], steps, timeline, itsApprovals] = await Promise.all([
        reads.query(runs.byId, { ids: [id] }),
        reads.query(runs.steps, { runIds: [id] }),
        reads.query(runs.timeline, { runId: id }),
        reads.query(approvals.ofRuns, { runIds: [id] }),
      ]);
      return run === undefined ? undefined : { run, steps, timeline, approvals: itsApprovals };
    });
  }

  approval(id: string): Promise<Approval | undefined> {
    return this.#read(async (reads) => {
      const [approval] = await reads.query(this.#queries.approvals.byId, { id });
      return approval;
    });
  }

  dueNotifications(
    now: number,
    limit: number,
  ): Promise<{ readonly due: readonly DueNotification[]; readonly nextAt: number | null }> {
    const { notifications } = this.#queries;
    return this.#read(async (reads) => {
      const [due, [nextAt = null]] = await Promise.all([
        reads.query(notifications.due, { now, limit }),
        reads.query(notifications.nextDue, { now }),
      ]);
      return { due, nextAt };
    });
  }

  bundle(id: string): Promise<{ readonly incidents: readonly Incident[]; readonly notifications: readonly Notification[] }> {
    const { notifications } = this.#queries;
    return this.#read(async (reads) => {
      const [incidents, members] = await Promise.all([
        reads.query(notifications.incidentsOfBundle, { bundleId: id }),
        reads.query(notifications.ofBundle, { bundleId: id }),
      ]);
      return { incidents, notifications: members };
    });
  }

  listNotifications(filter: NotificationFilter): Promise<readonly Notification[]> {
    return this.#read((reads) => reads.run(listNotifications(this.#queries.dialect, filter)));
  }

  schedules(kind: ScheduleKind): Promise<readonly ScheduleState[]> {
    return this.#read((reads) => reads.query(this.#queries.schedules.ofKind, { kind }));
  }

  /** Every channel has its count, also one that holds nothing. */
  outbox(): Promise<readonly OutboxCount[]> {
    const { notifications } = this.#queries;
    return this.#read(async (reads) => {
      const [waiting, dead] = await Promise.all([
        reads.query(notifications.countWaiting, {}),
        reads.query(notifications.countDead, {}),
      ]);
      return NOTIFICATION_CHANNELS.map((channel) => {
        const itsWaiting = waiting.find((row) => row.channel === channel);
        const itsDead = dead.find((row) => row.channel === channel);
        return {
          channel,
          waiting: itsWaiting?.count ?? 0,
          dead: itsDead?.count ?? 0,
          oldestAt: itsWaiting?.oldestAt ?? null,
        };
      });
    });
  }

  auditTrail({ before, limit }: { readonly before?: number; readonly limit: number }): Promise<readonly StoredAuditEntry[]> {
    return this.#read((reads) => reads.query(this.#queries.audit.trail, { before: before ?? Number.MAX_SAFE_INTEGER, limit }));
  }

  checkAudit(): Promise<AuditCheck> {
    return this.#read((reads) => checkAudit(reads, this.#queries.audit));
  }

  listBreakers(): Promise<readonly Breaker[]> {
    return this.#read((reads) => reads.query(this.#queries.daemon.allBreakers, {}));
  }

  endedRuns(window: ReportWindow): Promise<readonly ReportedRun[]> {
    const { reports } = this.#queries;
    return this.#read(async (reads) => {
      const runs = await reads.query(reports.runs, pageOf(window));
      const holds = await reads.query(reports.holds, { runIds: runs.map(({ id }) => id) });
      const reasonsOf = Map.groupBy(holds, ({ runId }) => runId);
      return runs.map((run) => ({ ...run, heldFor: (reasonsOf.get(run.id) ?? []).map(({ reason }) => reason) }));
    });
  }

  startedIncidents(window: ReportWindow): Promise<readonly ReportedIncident[]> {
    return this.#read((reads) => reads.query(this.#queries.reports.incidents, pageOf(window)));
  }

  lastSuccess(rule: string, before: number): Promise<number | null> {
    return this.#read(async (reads) => {
      const [endedAt = null] = await reads.query(this.#queries.reports.lastSuccess, { rule, before });
      return endedAt;
    });
  }

  outcomes(since: number): Promise<readonly { readonly rule: string; readonly outcome: string; readonly count: number }[]> {
    return this.#read((reads) => reads.query(this.#queries.runs.outcomes, { since }));
  }

  listQuarantined(
    limit: number,
  ): Promise<
    readonly { readonly receivedAt: number; readonly source: string; readonly reason: string; readonly payload: string }[]
  > {
    return this.#read((reads) => reads.query(this.#queries.daemon.quarantined, { limit }));
  }

  counts(): Promise<StoreCounts> {
    const { incidents, runs, daemon } = this.#queries;
    return this.#read(async (reads) => {
      const [openIncidents, runsHeld, [runsActive = 0], [breakersOpen = 0]] = await Promise.all([
        reads.query(incidents.countOpen, {}),
        reads.query(runs.countHeld, {}),
        reads.query(runs.countActive, {}),
        reads.query(daemon.countOpenBreakers, {}),
      ]);
      return { openIncidents, runsHeld, runsActive, breakersOpen };
    });
  }

  switches(): Promise<Switches> {
    return this.#read(async (reads) => switchesOf(await reads.query(this.#queries.daemon.switches, {})));
  }

  beat(now: number): Promise<number | null> {
    const { daemon, write } = this.#queries;
    return this.#inSession(async (session) => {
      const before = session.query(daemon.heartbeat, { id: ONLY_ROW });
      session.write(writeRows(write.heartbeats, [{ id: ONLY_ROW, at: now }]));
      const [last] = await before;
      return last?.at ?? null;
    });
  }

  ruleSnapshots(digests: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return this.#read(async (reads) => {
      const found = await reads.query(this.#queries.daemon.ruleSnapshots, { digests });
      return new Map(found.map(({ digest, definition }) => [digest, definition]));
    });
  }

  firingSince(seenBefore: number, limit: number): Promise<readonly (Episode & AlertContent)[]> {
    return this.#read((reads) => reads.query(this.#queries.episodes.firingSince, { seenBefore, limit }));
  }

  /** At most `limit` incidents, loose runs and loose episodes each, so that a webhook never waits long: call it until it returns 0. */
  prune(before: number, limit: number): Promise<number> {
    const keptDigests = [...this.#savedDigests];
    const requestsBefore = this.#options.clock.now() - REQUESTS_KEPT_MS;
    return this.#inSession((session) => pruneStore(session, this.#queries, { before, requestsBefore, limit, keptDigests }));
  }

  onCommit(listener: (seconds: number) => void): void {
    this.#commitListeners.push(listener);
  }

  async #inSession<T>(work: (session: SqliteSession) => Promise<T>): Promise<T> {
    // Taken now: a transaction that was asked for before `close` still runs.
    const { writer } = this.#open();
    return this.#transactions.run(async () => {
      const session = new SqliteSession(writer);
      try {
        const value = await work(session);
        const seconds = await session.commit();
        if (seconds !== undefined) for (const listener of this.#commitListeners) listener(seconds);
        return value;
      } catch (error) {
        await session.rollback();
        throw error;
      }
    });
  }

  async #read<T>(work: (reads: SnapshotReads) => Promise<T>): Promise<T> {
    const { reader, writer } = this.#open();
    if (reader !== undefined) return work(new SnapshotReads(reader));
    // Without a connection of its own a read has to wait for its turn, lest it see what a transaction has not committed.
    return this.#transactions.run(() => work(new SnapshotReads(writer)));
  }

  #open(): Connections {
    if (this.#connections === undefined) throw new StoreUnavailableError('closed', `store ${this.#options.path}: it is not open`);
    return this.#connections;
  }
}

function pageOf({ since, until, after, limit }: ReportWindow) {
  return { since, until, limit, afterAt: after?.at ?? since - 1, afterId: after?.id ?? '' };
}
