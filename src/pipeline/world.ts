import type { QuarantinedAlert } from '../domain/alert.ts';
import type { Reason } from '../domain/reason.ts';
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
  ScheduleState,
  StepRecord,
  Switches,
  TimelineEntry,
} from '../domain/state.ts';
import type { Changes, LineFacts, MemberAlert } from '../domain/store.ts';
import type { PipelineEffect, Signal } from './event.ts';

/** The rows a decision may need, as loaded. More than needed is harmless. */
export interface WorldRows {
  readonly switches: Switches;
  readonly episodes?: readonly Episode[];
  readonly members?: readonly Member[];
  readonly incidents?: readonly Incident[];
  readonly lines?: readonly Line[];
  readonly runs?: readonly Run[];
  readonly steps?: readonly StepRecord[];
  readonly claims?: readonly Claim[];
  readonly breakers?: readonly Breaker[];
  /** Of all rules, where a tick or the end of a scheduled run is decided. */
  readonly schedules?: readonly ScheduleState[];
  readonly approvals?: readonly Approval[];
  readonly notifications?: readonly Notification[];
  /** Requests of the events that were taken before. */
  readonly takenRequests?: readonly string[];
  readonly briefs?: readonly RunBrief[];
  readonly lineFacts?: readonly LineFacts[];
  readonly memberAlerts?: readonly MemberAlert[];
  readonly firingAlerts?: readonly (Episode & AlertContent)[];
  readonly counts?: WorldCounts;
}

/** Counts over all rows, from the store; the world keeps them true while it changes. */
export interface WorldCounts {
  readonly newEpisodes: number;
  readonly actingRuns: number;
  readonly running: number;
}

/** Rows of one table by key, and which of them were written. */
class Table<Row> {
  readonly #rows = new Map<string, Row>();
  readonly #written = new Set<string>();
  readonly #keyOf: (row: Row) => string;

  constructor(keyOf: (row: Row) => string, rows: readonly Row[] | undefined) {
    this.#keyOf = keyOf;
    for (const row of rows ?? []) this.#rows.set(keyOf(row), row);
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key);
  }

  set(row: Row): void {
    const key = this.#keyOf(row);
    this.#rows.set(key, row);
    this.#written.add(key);
  }

  values(): IterableIterator<Row> {
    return this.#rows.values();
  }

  written(): Row[] {
    return [...this.#written].map((key) => this.#rows.get(key)).filter((row) => row !== undefined);
  }
}

/** The key of a line within the world. */
function linePlace(incidentId: string, target: string): string {
  return `${incidentId}\n${target}`;
}

/**
 * A draft of the state: rows from the store, overlaid with what the decisions of one transaction changed. Reads see the
 * changes, so that several events of a transaction are decided one after the other.
 */
export class World {
  readonly #episodes: Table<Episode>;
  readonly #members: Table<Member>;
  readonly #incidents: Table<Incident>;
  readonly #lines: Table<Line>;
  readonly #runs: Table<Run>;
  readonly #steps: Table<StepRecord>;
  readonly #breakers: Table<Breaker>;
  readonly #schedules: Table<ScheduleState>;
  readonly #removedSchedules = new Set<string>();
  readonly #claims: Table<Claim>;
  readonly #approvals: Table<Approval>;
  readonly #notifications: Table<Notification>;
  readonly #told = new Set<string>();
  readonly #audit: AuditEntry[] = [];
  readonly #takenRequests: Set<string>;
  readonly #newRequests: { id: string; at: number }[] = [];
  readonly #releasedClaims = new Set<string>();
  readonly #briefs = new Map<string, RunBrief>();
  readonly #currentByKey = new Map<string, string>();
  readonly #latestIncidentByGroup = new Map<string, string>();
  readonly #lineByPlace = new Map<string, string>();
  readonly #membersByEpisode = new Map<string, Member[]>();
  readonly #stepsByRun = new Map<string, Map<string, StepRecord>>();
  readonly #lineFacts: ReadonlyMap<string, LineFacts>;
  readonly #newEpisodes = new Map<string, AlertContent>();
  readonly #timeline: TimelineEntry[] = [];
  readonly #quarantined: (QuarantinedAlert & { source: string; receivedAt: number })[] = [];
  readonly #wakeHeld: { reasons: readonly Reason[]; limit: number; at: number }[] = [];
  readonly #snapshots = new Map<string, string>();
  readonly memberAlerts: readonly MemberAlert[];
  readonly firingAlerts: readonly (Episode & AlertContent)[];
  readonly effects: PipelineEffect[] = [];
  readonly signals: Signal[] = [];
  #wakeAllHeldAt: number | undefined;
  #switches: Switches;
  #switchesWritten = false;
  #counts: WorldCounts;

  constructor(rows: WorldRows) {
    this.#switches = rows.switches;
    this.#episodes = new Table((row) => row.id, rows.episodes);
    this.#members = new Table((row) => `${row.incidentId} ${row.episodeId}`, rows.members);
    this.#incidents = new Table((row) => row.id, rows.incidents);
    this.#lines = new Table((row) => row.id, rows.lines);
    this.#runs = new Table((row) => row.id, rows.runs);
    this.#steps = new Table((row) => `${row.runId} ${row.address}`, rows.steps);
    this.#breakers = new Table((row) => row.rule, rows.breakers);
    this.#schedules = new Table((row) => row.name, rows.schedules);
    this.#claims = new Table((row) => row.key, rows.claims);
    this.#approvals = new Table((row) => row.id, rows.approvals);
    this.#notifications = new Table((row) => row.id, rows.notifications);
    this.#takenRequests = new Set(rows.takenRequests);
    this.#counts = rows.counts ?? { newEpisodes: 0, actingRuns: 0, running: 0 };
    this.memberAlerts = rows.memberAlerts ?? [];
    this.firingAlerts = rows.firingAlerts ?? [];
    this.#lineFacts = new Map((rows.lineFacts ?? []).map((facts) => [facts.lineId, facts]));
    for (const row of rows.episodes ?? []) if (row.current) this.#currentByKey.set(row.alertKey, row.id);
    for (const row of rows.members ?? []) this.#indexMember(row);
    for (const row of rows.incidents ?? []) this.#indexIncident(row);
    for (const row of rows.lines ?? []) this.#lineByPlace.set(linePlace(row.incidentId, row.target), row.id);
    for (const row of rows.steps ?? []) this.#indexStep(row);
    for (const row of rows.briefs ?? []) this.#briefs.set(row.id, row);
  }

  get switches(): Switches {
    return this.#switches;
  }

  get counts(): WorldCounts {
    return this.#counts;
  }

  currentEpisode(alertKey: string): Episode | undefined {
    const id = this.#currentByKey.get(alertKey);
    return id === undefined ? undefined : this.#episodes.get(id);
  }

  episode(id: string): Episode | undefined {
    return this.#episodes.get(id);
  }

  membersOf(episodeId: string): readonly Member[] {
    return this.#membersByEpisode.get(episodeId) ?? [];
  }

  incident(id: string): Incident | undefined {
    return this.#incidents.get(id);
  }

  /** The open incident of a group, or else the newest closed one. */
  latestIncident(groupKey: string): Incident | undefined {
    const id = this.#latestIncidentByGroup.get(groupKey);
    return id === undefined ? undefined : this.#incidents.get(id);
  }

  line(id: string): Line | undefined {
    return this.#lines.get(id);
  }

  lineAt(incidentId: string, target: string): Line | undefined {
    const id = this.#lineByPlace.get(linePlace(incidentId, target));
    return id === undefined ? undefined : this.#lines.get(id);
  }

  linesOf(incidentId: string): readonly Line[] {
    return [...this.#lines.values()].filter((line) => line.incidentId === incidentId);
  }

  run(id: string): Run | undefined {
    return this.#runs.get(id);
  }

  runsOf(incidentId: string): readonly Run[] {
    return [...this.#runs.values()].filter((run) => run.incidentId === incidentId);
  }

  /** The journal of a run, by address. */
  stepsOf(runId: string): ReadonlyMap<string, StepRecord> {
    return this.#stepsByRun.get(runId) ?? new Map<string, StepRecord>();
  }

  claim(key: string): Claim | undefined {
    return this.#releasedClaims.has(key) ? undefined : this.#claims.get(key);
  }

  claimsOf(runId: string): readonly Claim[] {
    return [...this.#claims.values()].filter((claim) => claim.runId === runId && !this.#releasedClaims.has(claim.key));
  }

  approvalsOf(runId: string): readonly Approval[] {
    return [...this.#approvals.values()].filter((approval) => approval.runId === runId);
  }

  notification(id: string): Notification | undefined {
    return this.#notifications.get(id);
  }

  notificationsOf(incidentId: string): readonly Notification[] {
    return [...this.#notifications.values()].filter((row) => row.incidentId === incidentId);
  }

  breaker(rule: string): Breaker | undefined {
    return this.#breakers.get(rule);
  }

  /** When a rule is due by the clock. */
  schedule(rule: string): ScheduleState | undefined {
    return this.#removedSchedules.has(rule) ? undefined : this.#schedules.get(rule);
  }

  schedules(): readonly ScheduleState[] {
    return [...this.#schedules.values()].filter(({ name }) => !this.#removedSchedules.has(name));
  }

  /** Runs that are running or verifying or acted lately, on the targets and of the rules that were asked for. */
  briefs(): readonly RunBrief[] {
    return [...this.#briefs.values()];
  }

  lineFacts(lineId: string): LineFacts | undefined {
    return this.#lineFacts.get(lineId);
  }

  addEpisode(episode: Episode, content: AlertContent): void {
    const before = this.currentEpisode(episode.alertKey);
    if (before !== undefined) this.putEpisode({ ...before, current: false });
    this.#newEpisodes.set(episode.id, content);
    this.#episodes.set(episode);
    this.#currentByKey.set(episode.alertKey, episode.id);
    if (episode.status === 'firing') this.#counts = { ...this.#counts, newEpisodes: this.#counts.newEpisodes + 1 };
  }

  putEpisode(episode: Episode): void {
    this.#episodes.set(episode);
  }

  addMember(member: Member): void {
    this.#members.set(member);
    this.#indexMember(member);
  }

  putIncident(incident: Incident): void {
    this.#incidents.set(incident);
    this.#indexIncident(incident);
  }

  putLine(line: Line): void {
    this.#lines.set(line);
    this.#lineByPlace.set(linePlace(line.incidentId, line.target), line.id);
  }

  /** Writes a run, and keeps the counts and the briefs true. Returns it. */
  putRun(run: Run): Run {
    const before = this.#runs.get(run.id);
    const counted = (row: Run | undefined): number => (row?.state === 'running' && !row.readsOnly ? 1 : 0);
    const acted = (row: Run | undefined): number => (row?.actingAt != null ? 1 : 0);
    this.#counts = {
      ...this.#counts,
      running: this.#counts.running + counted(run) - counted(before),
      actingRuns: this.#counts.actingRuns + acted(run) - acted(before),
    };
    this.#runs.set(run);
    this.#briefs.set(run.id, run);
    return run;
  }

  putStep(step: StepRecord): void {
    this.#steps.set(step);
    this.#indexStep(step);
  }

  putClaim(claim: Claim): void {
    this.#releasedClaims.delete(claim.key);
    this.#claims.set(claim);
  }

  releaseClaim(key: string): void {
    this.#releasedClaims.add(key);
  }

  putBreaker(breaker: Breaker): void {
    this.#breakers.set(breaker);
  }

  putSchedule(schedule: ScheduleState): void {
    this.#removedSchedules.delete(schedule.name);
    this.#schedules.set(schedule);
  }

  removeSchedule(rule: string): void {
    this.#removedSchedules.add(rule);
  }

  putSwitches(switches: Switches): void {
    this.#switches = switches;
    this.#switchesWritten = true;
  }

  putApproval(approval: Approval): void {
    this.#approvals.set(approval);
  }

  /** Asks for a place to be told; one that is told already is told once more. */
  putNotification(notification: Notification): void {
    this.#notifications.set(notification);
  }

  /** Everything that is told of an incident reaches its places. */
  tell(entry: TimelineEntry): void {
    this.#timeline.push(entry);
    if (entry.incidentId !== null) this.#told.add(entry.incidentId);
  }

  audit(entry: AuditEntry): void {
    this.#audit.push(entry);
  }

  /** Whether the request is new; it is taken by this. */
  takeRequest(id: string, at: number): boolean {
    if (this.#takenRequests.has(id)) return false;
    this.#takenRequests.add(id);
    this.#newRequests.push({ id, at });
    return true;
  }

  quarantine(alert: QuarantinedAlert, source: string, receivedAt: number): void {
    this.#quarantined.push({ ...alert, source, receivedAt });
  }

  keepSnapshot(digest: string, definition: string): void {
    this.#snapshots.set(digest, definition);
  }

  /** Held runs with one of these reasons are due now; the most urgent first, at most `limit` of them. */
  wakeHeld(reasons: readonly Reason[], limit: number, at: number): void {
    this.#wakeHeld.push({ reasons, limit, at });
  }

  wakeAllHeld(at: number): void {
    this.#wakeAllHeldAt = at;
  }

  /** What the transaction has to write. */
  changes(): Changes {
    const episodes = this.#episodes.written();
    const claims = this.#claims.written();
    return {
      newEpisodes: episodes.flatMap((episode) => {
        const content = this.#newEpisodes.get(episode.id);
        return content === undefined ? [] : [{ ...episode, ...content }];
      }),
      episodes: episodes.filter((episode) => !this.#newEpisodes.has(episode.id)),
      members: this.#members.written(),
      incidents: this.#incidents.written(),
      lines: this.#lines.written(),
      runs: this.#runs.written(),
      steps: this.#steps.written(),
      claims: claims.filter((claim) => !this.#releasedClaims.has(claim.key)),
      releasedClaims: [...this.#releasedClaims],
      breakers: this.#breakers.written(),
      switches: this.#switchesWritten ? this.#switches : undefined,
      schedules: this.#schedules.written().filter(({ name }) => !this.#removedSchedules.has(name)),
      removedSchedules: [...this.#removedSchedules],
      timeline: this.#timeline,
      approvals: this.#approvals.written(),
      notifications: this.#notifications.written(),
      delivered: [],
      told: [...this.#told],
      audit: this.#audit,
      requests: this.#newRequests,
      ruleSnapshots: [...this.#snapshots].map(([digest, definition]) => ({ digest, definition })),
      quarantined: this.#quarantined,
      wakeHeld: this.#wakeHeld,
      wakeAllHeldAt: this.#wakeAllHeldAt,
    };
  }

  #indexMember(member: Member): void {
    const known = this.#membersByEpisode.get(member.episodeId);
    if (known === undefined) this.#membersByEpisode.set(member.episodeId, [member]);
    else known.push(member);
  }

  #indexIncident(incident: Incident): void {
    const known = this.latestIncident(incident.groupKey);
    if (known === undefined || known.id === incident.id || known.status === 'resolved')
      this.#latestIncidentByGroup.set(incident.groupKey, incident.id);
  }

  #indexStep(step: StepRecord): void {
    const known = this.#stepsByRun.get(step.runId) ?? new Map<string, StepRecord>();
    known.set(step.address, step);
    this.#stepsByRun.set(step.runId, known);
  }
}
