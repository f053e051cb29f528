import { alertKey, copyLabels } from '../../src/domain/alert.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import type { GateName } from '../../src/domain/reason.ts';
import type { Look, StepErrorCode } from '../../src/domain/remediation.ts';
import type { Rule, RuleSet } from '../../src/domain/rule.ts';
import type {
  Approval,
  AuditEntry,
  Episode,
  Incident,
  IntendedStep,
  Line,
  Run,
  StepRecord,
  TimelineEntry,
} from '../../src/domain/state.ts';
import type { PipelineLimits } from '../../src/pipeline/decision-context.ts';
import type { Actor, CommandAnswer, PipelineEffect, PipelineEvent, Signal } from '../../src/pipeline/event.ts';
import { matchRule } from '../../src/pipeline/match-alerts.ts';
import { buildRuleSet } from '../support/build-rule.ts';
import { applyEvent, createContext, EMPTY_STATE, OPEN_LIMITS, type MemoryState } from '../support/memory-world.ts';

const START_AT = Date.UTC(2026, 0, 1, 12);
export const SECOND = 1_000;
export const MINUTE = 60_000;

const ADMIN = { person: 'ada', role: 'admin', roles: ['responder'], via: 'api' } as const;

/** A responder with these configured roles. */
export function person(name: string, roles: readonly string[] = ['responder']): Actor {
  return { person: name, role: 'responder', roles, via: 'slack' };
}

type Answered = Partial<Omit<Extract<PipelineEvent, { kind: 'approve' | 'reject' }>, 'kind' | 'actor'>>;

/** Where people are, for incidents without a rule or a place of their own. */
interface People {
  readonly defaultChannel?: string;
  readonly slackIds?: ReadonlyMap<string, string>;
  readonly responseTo?: RuleSet['responseTo'];
}

interface Times {
  readonly startsAt?: number;
  readonly endsAt?: number;
  readonly source?: string;
  readonly groupLabels?: Readonly<Record<string, string>>;
  readonly truncatedAlerts?: number;
  /** Nothing that is due by then is woken yet. */
  readonly isBusy?: boolean;
}

/** The real reducer over rows in memory, with a test in the place of time, of Alertmanager and of the executor. */
export class Stage {
  now = START_AT;
  state: MemoryState = { ...EMPTY_STATE, switches: { ...EMPTY_STATE.switches, bootAt: START_AT } };
  readonly signals: Signal[] = [];
  readonly timeline: TimelineEntry[] = [];
  readonly audit: AuditEntry[] = [];
  random = 0.5;
  #rules: RuleSet;
  #outstanding: PipelineEffect[] = [];
  readonly #limits: PipelineLimits;
  readonly #snapshots = new Map<string, Rule>();

  readonly #people: People;

  constructor(rules: readonly Rule[], limits: Partial<PipelineLimits> = {}, people: People = {}) {
    this.#people = people;
    this.#rules = buildRuleSet(rules, people.responseTo);
    this.#limits = { ...OPEN_LIMITS, ...limits };
    for (const rule of rules) this.#snapshots.set(rule.digest, rule);
  }

  apply(event: PipelineEvent): CommandAnswer | undefined {
    const context = createContext(this.state, this.now, this.#rules, {
      limits: this.#limits,
      snapshots: this.#snapshots,
      random: () => this.random,
      ...(this.#people.defaultChannel === undefined ? {} : { defaultChannel: this.#people.defaultChannel }),
      ...(this.#people.slackIds === undefined ? {} : { slackIds: this.#people.slackIds }),
    });
    const decided = applyEvent(this.state, event, context);
    this.state = decided.state;
    this.#outstanding.push(...decided.effects);
    this.signals.push(...decided.signals);
    this.timeline.push(...decided.timeline);
    this.audit.push(...decided.audit);
    return decided.answer;
  }

  /** A webhook with one alert that fires, and everything that is due by then. */
  fire(labels: Readonly<Record<string, string>> = {}, times: Times = {}): void {
    this.#send('firing', labels, { startsAt: this.now, ...times });
    if (times.isBusy !== true) this.wake();
  }

  /** A webhook with one alert that is resolved, and everything that is due by then. */
  resolve(labels: Readonly<Record<string, string>> = {}, times: Times = {}): void {
    this.#send('resolved', labels, { startsAt: this.now, endsAt: this.now, ...times });
    if (times.isBusy !== true) this.wake();
  }

  #send(status: 'firing' | 'resolved', given: Readonly<Record<string, string>>, times: Times): void {
    const labels = copyLabels({ alertname: 'Down', name: 'web', ...given });
    const { source = 'am', groupLabels = {}, truncatedAlerts = 0, startsAt = this.now, endsAt } = times;
    const message = {
      status,
      labels,
      annotations: copyLabels({}),
      startsAt,
      ...(endsAt === undefined ? {} : { endsAt }),
      generatorUrl: '',
      fingerprint: '',
    };
    const batch = {
      source,
      receivedAt: this.now,
      groupLabels: copyLabels(groupLabels),
      truncatedAlerts,
      alerts: [message],
      quarantined: [],
      externalUrl: '',
    };
    const matches = this.#rules.match(labels).map((rule) => matchRule(rule, message, batch, this.now));
    this.apply({ kind: 'alerts', batch, alerts: [{ alertKey: alertKey(source, labels), message, matches }] });
  }

  /** Wakes what is due, until nothing is. */
  wake(): void {
    for (let count = 0; count < 1_000; count += 1) {
      const run = this.state.runs.find(({ wakeAt }) => wakeAt !== null && wakeAt <= this.now);
      const incident = this.state.incidents.find(({ wakeAt }) => wakeAt !== null && wakeAt <= this.now);
      if (run !== undefined) this.apply({ kind: 'wake_run', runId: run.id });
      else if (incident !== undefined) this.apply({ kind: 'wake_incident', incidentId: incident.id });
      else if (this.state.schedules.some(({ nextAt }) => nextAt !== null && nextAt <= this.now))
        this.apply({ kind: 'scheduled' });
      else return;
    }
    throw new Error('something is due for ever');
  }

  /** Lets time pass, and wakes what becomes due at its instant. Checks are answered by `verdict`, if it is given. */
  pass(ms: number, verdict?: boolean): void {
    const until = this.now + ms;
    for (;;) {
      this.wake();
      if (verdict !== undefined && this.#find('check') !== undefined) {
        this.check(verdict);
        continue;
      }
      const next = Math.min(
        ...[...this.state.runs, ...this.state.incidents].flatMap(({ wakeAt }) => wakeAt ?? []),
        ...this.state.schedules.flatMap(({ nextAt }) => nextAt ?? []),
      );
      if (next > until) break;
      this.now = next;
    }
    this.now = until;
    this.wake();
  }

  reload(rules: readonly Rule[]): void {
    this.#rules = buildRuleSet(rules, this.#people.responseTo);
    for (const rule of rules) this.#snapshots.set(rule.digest, rule);
    this.apply({ kind: 'rules_changed' });
    this.wake();
  }

  /** The definitions of rules that are no longer live cannot be read any more. */
  forgetSnapshots(): void {
    this.#snapshots.clear();
  }

  /** The process ends with what is under way lost, and another starts after `downMs`. */
  crash(downMs: number): void {
    this.#outstanding = [];
    this.now += downMs;
    this.apply({ kind: 'booted', downtimeMs: downMs });
    for (const run of this.state.runs.filter(({ state }) => state !== 'ended')) this.apply({ kind: 'recovered', runId: run.id });
    this.wake();
  }

  /** The kinds of work that was started and has not answered. */
  get underWay(): readonly PipelineEffect['kind'][] {
    return this.#outstanding.map((effect) => effect.kind);
  }

  planned(options: { touches?: readonly string[]; identity?: JsonObject; count?: number } = {}): void {
    const { touches = ['docker:web'], identity = {}, count = 1 } = options;
    const { runId, address, attempt } = this.#takeStep('plan');
    this.apply({
      kind: 'planned',
      runId,
      address,
      attempt,
      plan: { summary: 'change it', identity, touches, count, data: null },
    });
    this.wake();
  }

  /** The steps to come are planned as far as they could be: people are asked. */
  foreseen(steps: readonly IntendedStep[] = []): void {
    const { runId, address, attempt } = this.#takeStep('foresee');
    this.apply({ kind: 'foreseen', runId, address, attempt, steps });
    this.wake();
  }

  /** Plans the change that is next, and asks for it. */
  ask(options: Parameters<Stage['planned']>[0] = {}, steps: readonly IntendedStep[] = []): void {
    this.planned(options);
    this.foreseen(steps);
  }

  approve(who: Actor, more: Answered = {}): CommandAnswer | undefined {
    return this.#command({
      kind: 'approve',
      incidentId: more.runId === undefined ? this.incident.id : null,
      ...more,
      actor: who,
    });
  }

  reject(who: Actor, more: Answered = {}): CommandAnswer | undefined {
    return this.#command({ kind: 'reject', incidentId: more.runId === undefined ? this.incident.id : null, ...more, actor: who });
  }

  runByHand(who: Actor, rule: string, more: { params?: JsonObject; target?: string } = {}): CommandAnswer | undefined {
    return this.#command({ kind: 'run_by_hand', rule, params: {}, ...more, actor: who });
  }

  /** The newest question to people. */
  get approval(): Approval {
    return newest(this.state.approvals, 'approval');
  }

  /** The oldest work of this kind succeeds. */
  succeed(kind: 'read' | 'act', output: JsonObject = {}): void {
    const { runId, address, attempt } = this.#takeStep(kind);
    this.apply({ kind: 'step_ended', runId, address, attempt, result: { output } });
    this.wake();
  }

  /** The oldest work of this kind fails. */
  fail(kind: 'read' | 'plan' | 'act', code: StepErrorCode = 'unavailable', happened: 'nothing' | 'unknown' = 'nothing'): void {
    const { runId, address, attempt } = this.#takeStep(kind);
    this.apply({ kind: 'step_ended', runId, address, attempt, result: { error: { code, message: code, happened } } });
    this.wake();
  }

  look(look: Look): void {
    const { runId, address, attempt } = this.#takeStep('look');
    this.apply({ kind: 'looked', runId, address, attempt, look });
    this.wake();
  }

  /** The checks under way say this; `undefined` is a check that cannot be done. */
  check(ok: boolean | undefined): void {
    const effect = this.#take('check');
    if (effect.kind !== 'check') throw new Error('no checks are under way');
    const error = { code: 'unavailable', message: 'unavailable', happened: 'nothing' } as const;
    const results = effect.calls.map((call) => ('error' in call ? call : ok === undefined ? { error } : { output: { ok } }));
    this.apply({ kind: 'checked', runId: effect.runId, rung: effect.rung, results });
    this.wake();
  }

  /** Plans and does the change that is next. */
  change(options: Parameters<Stage['planned']>[0] = {}): void {
    this.planned(options);
    this.succeed('act');
  }

  acknowledge(): CommandAnswer | undefined {
    return this.#command({ kind: 'acknowledge', incidentId: this.incident.id, actor: ADMIN });
  }

  cancel(runId?: string, incidentId: string | null = this.incident.id): CommandAnswer | undefined {
    return this.#command({
      kind: 'cancel',
      incidentId,
      actor: ADMIN,
      ...(runId === undefined ? {} : { runId }),
    });
  }

  retry(
    options: { override?: GateName; reason?: string; role?: 'responder' | 'admin'; runId?: string } = {},
  ): CommandAnswer | undefined {
    const { role = 'admin', ...more } = options;
    return this.#command({ kind: 'retry', incidentId: this.incident.id, actor: { ...ADMIN, role }, ...more });
  }

  dismiss(): CommandAnswer | undefined {
    return this.#command({ kind: 'resolve', incidentId: this.incident.id, actor: ADMIN });
  }

  pause(forMs?: number): void {
    this.#command({ kind: 'pause', actor: ADMIN, ...(forMs === undefined ? {} : { forMs }) });
  }

  resume(): void {
    this.#command({ kind: 'resume', actor: ADMIN });
  }

  rearm(rule: string): CommandAnswer | undefined {
    return this.#command({ kind: 'rearm', rule, actor: ADMIN });
  }

  tick(): void {
    this.apply({ kind: 'tick' });
    this.wake();
  }

  /** What reconciliation saw of an alert. */
  reconcile(seen: 'active' | 'suppressed' | 'absent', labels: Readonly<Record<string, string>> = {}): void {
    const key = alertKey('am', copyLabels({ alertname: 'Down', name: 'web', ...labels }));
    this.apply({ kind: 'reconciled', looks: [{ alertKey: key, seen }], complete: true });
    this.wake();
  }

  #command(event: PipelineEvent): CommandAnswer | undefined {
    const answer = this.apply(event);
    this.wake();
    return answer;
  }

  /** The newest run. */
  get run(): Run {
    return newest(this.state.runs, 'run');
  }

  /** The newest incident. */
  get incident(): Incident {
    return newest(this.state.incidents, 'incident');
  }

  /** The newest line. */
  get line(): Line {
    return newest(this.state.lines, 'line');
  }

  /** The newest episode. */
  get episode(): Episode {
    return newest(this.state.episodes, 'episode');
  }

  get claims(): readonly string[] {
    return this.state.claims.map((claim) => claim.key).sort();
  }

  /** The reasons of all escalations so far. */
  get escalations(): readonly string[] {
    return this.signals.flatMap((signal) => (signal.kind === 'escalated' ? [signal.reason] : []));
  }

  step(address: string, runId = this.run.id): StepRecord {
    const found = this.state.steps.find((step) => step.runId === runId && step.address === address);
    if (found === undefined)
      throw new Error(
        `the journal of ${runId} has no ${address}; it has ${this.state.steps.map((step) => step.address).join(', ')}`,
      );
    return found;
  }

  /** How a run ended, and why. */
  get ending(): readonly (string | null)[] {
    return [this.run.state, this.run.outcome, this.run.reason];
  }

  /** What a person says of the newest incident. */
  say(
    said:
      | { readonly kind: 'escalate'; readonly reason?: string }
      | { readonly kind: 'note'; readonly text: string }
      | { readonly kind: 'set'; readonly fields: Readonly<Record<string, string | null>> },
  ): CommandAnswer | undefined {
    return this.#command({ ...said, incidentId: this.incident.id, actor: ADMIN });
  }

  /** The rows of the outbox as `CHANNEL PLACE PURPOSE`, in the order in which they were asked for. */
  get places(): readonly string[] {
    return this.state.notifications.map(({ channel, place, purpose }) => `${channel} ${place} ${purpose}`);
  }

  /** The texts of the story of this kind. */
  told(kind: TimelineEntry['kind']): readonly string[] {
    return this.timeline.filter((entry) => entry.kind === kind).map((entry) => entry.text);
  }

  #find(kind: PipelineEffect['kind']): PipelineEffect | undefined {
    return this.#outstanding.find((effect) => effect.kind === kind);
  }

  #take(kind: PipelineEffect['kind']): PipelineEffect {
    const effect = this.#find(kind);
    if (effect === undefined) throw new Error(`no ${kind} is under way, but: ${this.underWay.join(', ')}`);
    this.#outstanding = this.#outstanding.filter((other) => other !== effect);
    return effect;
  }

  #takeStep(kind: 'read' | 'plan' | 'act' | 'look' | 'foresee') {
    const effect = this.#take(kind);
    if (effect.kind === 'check' || effect.kind === 'preview') throw new Error(`${effect.kind} is not a step`);
    return effect;
  }
}

function newest<Row>(rows: readonly Row[], what: string): Row {
  const row = rows.at(-1);
  if (row === undefined) throw new Error(`there is no ${what}`);
  return row;
}
