import type { Clock } from '../../domain/clock.ts';
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
  RunBrief,
  ScheduleKind,
  ScheduleState,
  StepRecord,
  Switches,
} from '../../domain/state.ts';
import type { Changes, IncidentTarget, LineFacts, MemberAlert, StoreTransaction } from '../../domain/store.ts';
import { chainEntries, NO_HASH } from '../audit-chain.ts';
import { changeStatements, ROWS_PER_STATEMENT } from '../queries/change-statements.ts';
import { KnownRows } from '../queries/known-rows.ts';
import type { PreparedQuery } from '../queries/prepared-query.ts';
import type { StoreQueries } from '../queries/store-queries.ts';
import type { RowWriter } from '../queries/row-writer.ts';
import { writeRows } from '../queries/write-rows.ts';
import { switchesOf } from '../switches-of.ts';
import type { SqliteSession } from './sqlite-session.ts';

/** The reads and the save of one transaction. Queries that are started together travel in one message. */
export class SqliteTransaction implements StoreTransaction {
  readonly #session: SqliteSession;
  readonly #queries: StoreQueries;
  readonly #savedDigests: Set<string>;
  readonly #clock: Clock;
  readonly #known = new KnownRows();
  /** The hash of the last audit entry that this transaction wrote. */
  #auditHead: string | undefined;

  /** Adds to `savedDigests` what rule snapshots it saves. */
  constructor(session: SqliteSession, queries: StoreQueries, savedDigests: Set<string>, clock: Clock) {
    this.#session = session;
    this.#queries = queries;
    this.#savedDigests = savedDigests;
    this.#clock = clock;
  }

  currentEpisodes(alertKeys: readonly string[]): Promise<readonly Episode[]> {
    return this.#readRows(this.#queries.write.episodes, this.#queries.episodes.current, { alertKeys });
  }

  episodes(ids: readonly string[]): Promise<readonly Episode[]> {
    return this.#readRows(this.#queries.write.episodes, this.#queries.episodes.byId, { ids });
  }

  members(episodeIds: readonly string[]): Promise<readonly Member[]> {
    return this.#session.query(this.#queries.episodes.members, { episodeIds });
  }

  incidents(ids: readonly string[]): Promise<readonly Incident[]> {
    return this.#readRows(this.#queries.write.incidents, this.#queries.incidents.byId, { ids });
  }

  latestIncidents(groupKeys: readonly string[]): Promise<readonly Incident[]> {
    return this.#readRows(this.#queries.write.incidents, this.#queries.incidents.latest, { groupKeys });
  }

  lines(ids: readonly string[]): Promise<readonly Line[]> {
    return this.#readRows(this.#queries.write.lines, this.#queries.incidents.lines, { ids });
  }

  linesAt(places: readonly IncidentTarget[]): Promise<readonly Line[]> {
    return this.#readRows(this.#queries.write.lines, this.#queries.incidents.linesAt, { places: places.map(pairOf) });
  }

  linesOfIncidents(incidentIds: readonly string[]): Promise<readonly Line[]> {
    return this.#readRows(this.#queries.write.lines, this.#queries.incidents.linesOfIncidents, { incidentIds });
  }

  lineFacts(lineIds: readonly string[], at: number): Promise<readonly LineFacts[]> {
    return this.#session.query(this.#queries.incidents.lineFacts, { lineIds, at });
  }

  memberAlerts(
    incidentIds: readonly string[],
    { firingOnly, limit }: { readonly firingOnly: boolean; readonly limit: number },
  ): Promise<readonly MemberAlert[]> {
    const { memberAlerts, firingMemberAlerts } = this.#queries.episodes;
    return this.#session.query(firingOnly ? firingMemberAlerts : memberAlerts, { incidentIds, limit });
  }

  lineAlerts(places: readonly IncidentTarget[], limit: number): Promise<readonly MemberAlert[]> {
    return this.#session.query(this.#queries.episodes.lineAlerts, { places: places.map(pairOf), limit });
  }

  firingAlerts(alertnames: readonly string[] | undefined): Promise<readonly (Episode & AlertContent)[]> {
    const { firing, firingNamed } = this.#queries.episodes;
    return alertnames === undefined ? this.#session.query(firing, {}) : this.#session.query(firingNamed, { alertnames });
  }

  runs(ids: readonly string[]): Promise<readonly Run[]> {
    return this.#readRows(this.#queries.write.runs, this.#queries.runs.byId, { ids });
  }

  runsOfIncidents(incidentIds: readonly string[]): Promise<readonly Run[]> {
    return this.#readRows(this.#queries.write.runs, this.#queries.runs.ofIncidents, { incidentIds });
  }

  steps(runIds: readonly string[]): Promise<readonly StepRecord[]> {
    return this.#readRows(this.#queries.write.steps, this.#queries.runs.steps, { runIds });
  }

  claims(keys: readonly string[]): Promise<readonly Claim[]> {
    return this.#session.query(this.#queries.claims.byKey, { keys });
  }

  claimsOfRuns(runIds: readonly string[]): Promise<readonly Claim[]> {
    return this.#session.query(this.#queries.claims.ofRuns, { runIds });
  }

  breakers(rules: readonly string[]): Promise<readonly Breaker[]> {
    return this.#session.query(this.#queries.daemon.breakers, { rules });
  }

  async switches(): Promise<Switches> {
    return switchesOf(await this.#session.query(this.#queries.daemon.switches, {}));
  }

  schedules(kind: ScheduleKind): Promise<readonly ScheduleState[]> {
    return this.#session.query(this.#queries.schedules.ofKind, { kind });
  }

  approvalsOfRuns(runIds: readonly string[]): Promise<readonly Approval[]> {
    return this.#readRows(this.#queries.write.approvals, this.#queries.approvals.ofRuns, { runIds });
  }

  notifications(ids: readonly string[]): Promise<readonly Notification[]> {
    return this.#session.query(this.#queries.notifications.byId, { ids });
  }

  notificationsOfIncidents(incidentIds: readonly string[]): Promise<readonly Notification[]> {
    return this.#session.query(this.#queries.notifications.ofIncidents, { incidentIds });
  }

  takenRequests(ids: readonly string[]): Promise<readonly string[]> {
    return this.#session.query(this.#queries.audit.takenRequests, { ids });
  }

  briefs(query: {
    readonly targets: readonly string[];
    readonly rules: readonly string[];
    readonly since: number;
  }): Promise<readonly RunBrief[]> {
    return this.#session.query(this.#queries.runs.briefs, query);
  }

  countNewEpisodes(since: number, limit: number): Promise<number> {
    return this.#one(this.#queries.episodes.countNew, { since, limit });
  }

  countActingRuns(since: number, limit: number): Promise<number> {
    return this.#one(this.#queries.runs.countActing, { since, limit });
  }

  countRunning(): Promise<number> {
    return this.#one(this.#queries.runs.countRunning, {});
  }

  /** Small saves are only queued, to go with the commit; a fault in them shows there. Large ones go in parts, so that no message is huge. */
  async save(changes: Changes): Promise<void> {
    for (const { digest } of changes.ruleSnapshots) this.#savedDigests.add(digest);
    if (changes.audit.length > 0) await this.#appendAudit(changes.audit);
    let queued = 0;
    for (const statement of changeStatements(this.#queries, changes, this.#known, this.#clock.now())) {
      this.#session.write(statement);
      queued += statement.rows.length;
      if (queued < 2 * ROWS_PER_STATEMENT) continue;
      await this.#session.flush();
      queued = 0;
    }
  }

  async #appendAudit(entries: readonly AuditEntry[]): Promise<void> {
    const [stored = NO_HASH] = await this.#session.query(this.#queries.audit.head, {});
    // Another save of this transaction may have appended meanwhile; from here to the write nothing waits.
    const rows = chainEntries(this.#auditHead ?? stored, entries);
    this.#auditHead = rows.at(-1)?.hash;
    this.#session.write(writeRows(this.#queries.write.audit, rows));
  }

  #readRows<V, T>(writer: RowWriter<T>, query: PreparedQuery<V, T>, values: V): Promise<readonly T[]> {
    return this.#session.query(query, values, (row) => {
      this.#known.replace(writer, row);
    });
  }

  async #one<V>(query: PreparedQuery<V, number>, values: V): Promise<number> {
    const [count] = await this.#session.query(query, values);
    return count ?? 0;
  }
}

function pairOf({ incidentId, target }: IncidentTarget): readonly [string, string] {
  return [incidentId, target];
}
