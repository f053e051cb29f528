import type { QuarantinedAlert } from './alert.ts';
import type { Reason } from './reason.ts';
import type { ReportedIncident, ReportedRun } from './reported.ts';
import type {
  AlertContent,
  Approval,
  AuditEntry,
  Breaker,
  Claim,
  Episode,
  Incident,
  IncidentStatus,
  Line,
  Member,
  Notification,
  NotificationChannel,
  Run,
  RunBrief,
  ScheduleKind,
  ScheduleState,
  StepRecord,
  StoredAuditEntry,
  StoredTimelineEntry,
  Switches,
  TimelineEntry,
} from './state.ts';

/** The store cannot be used just now: full, locked, gone. The caller tries again later; nothing was written. */
export class StoreUnavailableError extends Error {
  readonly code: 'full' | 'locked' | 'io' | 'closed';

  constructor(code: 'full' | 'locked' | 'io' | 'closed', message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'StoreUnavailableError';
    this.code = code;
  }
}

/** Everything one transaction writes. Whole rows, by primary key: what exists is replaced. */
export interface Changes {
  readonly newEpisodes: readonly (Episode & AlertContent)[];
  readonly episodes: readonly Episode[];
  readonly members: readonly Member[];
  readonly incidents: readonly Incident[];
  readonly lines: readonly Line[];
  readonly runs: readonly Run[];
  readonly steps: readonly StepRecord[];
  /** Set, then released: a key in both lists is gone. */
  readonly claims: readonly Claim[];
  readonly releasedClaims: readonly string[];
  readonly breakers: readonly Breaker[];
  readonly switches: Switches | undefined;
  readonly schedules: readonly ScheduleState[];
  /** The names of rules that have no schedule any more. */
  readonly removedSchedules: readonly string[];
  readonly timeline: readonly TimelineEntry[];
  readonly approvals: readonly Approval[];
  /**
   * Places that should be told from now on. A row that is there stays as it is, but becomes a `page` when it is asked for
   * as one, wants to be told once more, and is no longer dead.
   */
  readonly notifications: readonly Notification[];
  /** Whole rows of the outbox, as its delivery has changed them. `wanted` is left as the store has it. */
  readonly delivered: readonly Notification[];
  /** Incidents whose places (of `notifications`, and those that were there) have something new to hear. */
  readonly told: readonly string[];
  /** Appended to the hash chain in this order. */
  readonly audit: readonly AuditEntry[];
  /** Requests from outside that were taken, so that they are not taken twice. Kept for 7 days. */
  readonly requests: readonly { readonly id: string; readonly at: number }[];
  /** Definitions of rules, by digest, for the runs that were claimed with them; kept if they are there already. */
  readonly ruleSnapshots: readonly { readonly digest: string; readonly definition: string }[];
  readonly quarantined: readonly (QuarantinedAlert & { readonly source: string; readonly receivedAt: number })[];
  /** Held runs that should be judged now: for each reason the most urgent (severity, then age), at most `limit`. */
  readonly wakeHeld: readonly { readonly reasons: readonly Reason[]; readonly limit: number; readonly at: number }[];
  /** The rules that pending and held runs were judged by may have changed: all of them are due. */
  readonly wakeAllHeldAt: number | undefined;
}

/** A save of nothing, to be filled with what there is. */
export const NO_CHANGES: Changes = {
  newEpisodes: [],
  episodes: [],
  members: [],
  incidents: [],
  lines: [],
  runs: [],
  steps: [],
  claims: [],
  releasedClaims: [],
  breakers: [],
  switches: undefined,
  schedules: [],
  removedSchedules: [],
  timeline: [],
  approvals: [],
  notifications: [],
  delivered: [],
  told: [],
  audit: [],
  requests: [],
  ruleSnapshots: [],
  quarantined: [],
  wakeHeld: [],
  wakeAllHeldAt: undefined,
};

export interface IncidentTarget {
  readonly incidentId: string;
  readonly target: string;
}

/** How the firing alerts of a line look, for the gates `silenced` and `unconfirmed`. */
export interface LineFacts {
  readonly lineId: string;
  readonly firing: number;
  readonly unsuppressed: number;
  /** Alerts whose episode is not doubtful (no `unconfirmedUntil` later than the given instant). */
  readonly confirmed: number;
  /** The latest `unconfirmedUntil` of the doubtful ones. */
  readonly unconfirmedUntil: number | null;
}

export interface MemberAlert {
  readonly lineTarget: string | null;
  readonly incidentId: string;
  readonly episode: Episode;
  readonly content: AlertContent;
}

/** Reads of a transaction. All are set-wise: one statement whatever the lists hold. What is not there is left out. */
export interface StoreTransaction {
  currentEpisodes(alertKeys: readonly string[]): Promise<readonly Episode[]>;
  episodes(ids: readonly string[]): Promise<readonly Episode[]>;
  members(episodeIds: readonly string[]): Promise<readonly Member[]>;
  incidents(ids: readonly string[]): Promise<readonly Incident[]>;
  /** Of each group key the open incident, or else the newest closed one. */
  latestIncidents(groupKeys: readonly string[]): Promise<readonly Incident[]>;
  lines(ids: readonly string[]): Promise<readonly Line[]>;
  linesAt(places: readonly IncidentTarget[]): Promise<readonly Line[]>;
  linesOfIncidents(incidentIds: readonly string[]): Promise<readonly Line[]>;
  lineFacts(lineIds: readonly string[], at: number): Promise<readonly LineFacts[]>;
  /** The alerts of these incidents, firing ones first, at most `limit` of each incident and target. */
  memberAlerts(
    incidentIds: readonly string[],
    options: { readonly firingOnly: boolean; readonly limit: number },
  ): Promise<readonly MemberAlert[]>;
  /** The firing alerts of these lines, at most `limit` of each. */
  lineAlerts(places: readonly IncidentTarget[], limit: number): Promise<readonly MemberAlert[]>;
  /** Current firing episodes, of these alert names or (`undefined`) of all, with their labels. */
  firingAlerts(alertnames: readonly string[] | undefined): Promise<readonly (Episode & AlertContent)[]>;
  runs(ids: readonly string[]): Promise<readonly Run[]>;
  runsOfIncidents(incidentIds: readonly string[]): Promise<readonly Run[]>;
  steps(runIds: readonly string[]): Promise<readonly StepRecord[]>;
  claims(keys: readonly string[]): Promise<readonly Claim[]>;
  claimsOfRuns(runIds: readonly string[]): Promise<readonly Claim[]>;
  breakers(rules: readonly string[]): Promise<readonly Breaker[]>;
  switches(): Promise<Switches>;
  schedules(kind: ScheduleKind): Promise<readonly ScheduleState[]>;
  approvalsOfRuns(runIds: readonly string[]): Promise<readonly Approval[]>;
  notifications(ids: readonly string[]): Promise<readonly Notification[]>;
  notificationsOfIncidents(incidentIds: readonly string[]): Promise<readonly Notification[]>;
  /** Which of these requests were taken already. */
  takenRequests(ids: readonly string[]): Promise<readonly string[]>;
  /** Runs that are running or verifying, or acted since `since`, on these targets or of these rules. */
  briefs(query: {
    readonly targets: readonly string[];
    readonly rules: readonly string[];
    readonly since: number;
  }): Promise<readonly RunBrief[]>;
  /** How many episodes began since then, counting no further than `limit`. */
  countNewEpisodes(since: number, limit: number): Promise<number>;
  /** How many runs (of all rules) acted since then, counting no further than `limit`. */
  countActingRuns(since: number, limit: number): Promise<number>;
  /** How many runs are `running`, those that only read left out. */
  countRunning(): Promise<number>;
  save(changes: Changes): Promise<void>;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** To be given back for the next page; `null` at the end. */
  readonly nextCursor: string | null;
}

/** A page of a window of time (epoch ms, the end excluded): at most `limit` entries, after the one given. */
export interface ReportWindow {
  readonly since: number;
  readonly until: number;
  readonly after?: { readonly at: number; readonly id: string };
  readonly limit: number;
}

export interface IncidentFilter {
  readonly status?: IncidentStatus | 'open';
  readonly rule?: string;
  readonly cursor?: string;
  readonly limit: number;
}

export interface IncidentDetail {
  readonly incident: Incident;
  readonly lines: readonly Line[];
  readonly alerts: readonly MemberAlert[];
  readonly runs: readonly Run[];
  readonly steps: readonly StepRecord[];
  readonly timeline: readonly StoredTimelineEntry[];
  readonly approvals: readonly Approval[];
}

/** A notification that is owed something and whose time has come. */
export interface DueNotification {
  readonly notification: Notification;
  /** Of its incident; 0 for bundles and notices. */
  readonly severityRank: number;
}

export interface NotificationFilter {
  /** Only those that were given up, or only those that are owed something. */
  readonly state?: 'dead' | 'waiting';
  readonly incidentId?: string;
  readonly limit: number;
}

/** How much the outbox holds, by channel. */
export interface OutboxCount {
  readonly channel: NotificationChannel;
  readonly waiting: number;
  readonly dead: number;
  /** Since when the oldest has been waiting (epoch ms). */
  readonly oldestAt: number | null;
}

/** What a check of the hash chain found. */
export interface AuditCheck {
  readonly entries: number;
  /** The hash of the last entry, to be compared with one that was written down elsewhere. */
  readonly head: string | null;
  /** The first entry that is not what was written, and why; absent when the chain holds. */
  readonly broken?: { readonly position: number; readonly why: string };
}

/** Due work, the most urgent first. */
export interface DueWork {
  readonly runIds: readonly string[];
  readonly incidentIds: readonly string[];
  /** Whether a tick of a rule is due. */
  readonly isScheduleDue: boolean;
  /** When the next thing after these is due. */
  readonly nextAt: number | null;
}

export interface StoreCounts {
  readonly openIncidents: readonly { readonly status: IncidentStatus; readonly severity: string; readonly count: number }[];
  readonly runsHeld: readonly { readonly reason: string; readonly count: number }[];
  readonly runsActive: number;
  readonly breakersOpen: number;
}

/** Where everything lives. Survives `kill -9` and power loss once `transact` has resolved. */
export interface Store {
  /** Opens it, makes its tables, refuses a second process. Throws with one clear line. */
  open(): Promise<void>;
  close(): Promise<void>;
  /** All or nothing, durable when it resolves. Transactions run one after the other. Throws `StoreUnavailableError`. */
  transact<T>(work: (transaction: StoreTransaction) => Promise<T>): Promise<T>;
  /** Whether a write would succeed now; resolves or throws `StoreUnavailableError`. */
  probe(): Promise<void>;
  due(now: number, limit: number): Promise<DueWork>;
  /** Ids of runs in these states, oldest first, for recovery. */
  runIdsInState(states: readonly Run['state'][]): Promise<readonly string[]>;
  listIncidents(filter: IncidentFilter): Promise<Page<Incident>>;
  incidentDetail(id: string): Promise<IncidentDetail | undefined>;
  runDetail(id: string): Promise<
    | {
        readonly run: Run;
        readonly steps: readonly StepRecord[];
        readonly timeline: readonly StoredTimelineEntry[];
        readonly approvals: readonly Approval[];
      }
    | undefined
  >;
  approval(id: string): Promise<Approval | undefined>;
  /** What is owed and due, the most urgent first: pages, then by severity, then the oldest. */
  dueNotifications(
    now: number,
    limit: number,
  ): Promise<{ readonly due: readonly DueNotification[]; readonly nextAt: number | null }>;
  /** The members of a bundle: their incidents, and their own rows. */
  bundle(id: string): Promise<{ readonly incidents: readonly Incident[]; readonly notifications: readonly Notification[] }>;
  listNotifications(filter: NotificationFilter): Promise<readonly Notification[]>;
  outbox(): Promise<readonly OutboxCount[]>;
  /** The newest first, from before this position. */
  auditTrail(query: { readonly before?: number; readonly limit: number }): Promise<readonly StoredAuditEntry[]>;
  /** Reads the whole audit log and checks every hash. */
  checkAudit(): Promise<AuditCheck>;
  listBreakers(): Promise<readonly Breaker[]>;
  /** A page of the runs that ended in this window, the oldest first. */
  endedRuns(window: ReportWindow): Promise<readonly ReportedRun[]>;
  /** A page of the incidents that began in this window, the oldest first. */
  startedIncidents(window: ReportWindow): Promise<readonly ReportedIncident[]>;
  /** When the rule's last run that succeeded ended, of those before this instant; null for none that is known. */
  lastSuccess(rule: string, before: number): Promise<number | null>;
  /** Outcomes of ended runs by rule since then. */
  outcomes(since: number): Promise<readonly { readonly rule: string; readonly outcome: string; readonly count: number }[]>;
  listQuarantined(
    limit: number,
  ): Promise<
    readonly { readonly receivedAt: number; readonly source: string; readonly reason: string; readonly payload: string }[]
  >;
  counts(): Promise<StoreCounts>;
  switches(): Promise<Switches>;
  schedules(kind: ScheduleKind): Promise<readonly ScheduleState[]>;
  /** The instant of the last sign of life of any process on this store, and a new one. */
  beat(now: number): Promise<number | null>;
  /** The definitions of rules as they were, by digest; kept while a run needs them. */
  ruleSnapshots(digests: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Current firing episodes whose last message is older, with their labels, for reconciliation and staleness. */
  firingSince(seenBefore: number, limit: number): Promise<readonly (Episode & AlertContent)[]>;
  /** Deletes closed incidents with all they hold, ended runs and resolved episodes older than this. Returns rows deleted. */
  prune(before: number, limit: number): Promise<number>;
  /** Called with the duration of each commit. */
  onCommit(listener: (seconds: number) => void): void;
}
