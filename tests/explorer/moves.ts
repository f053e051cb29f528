import { copyLabels } from '../../src/domain/alert.ts';
import type { Look, StepErrorCode } from '../../src/domain/remediation.ts';
import type { RuleSet } from '../../src/domain/rule.ts';
import type { Changes } from '../../src/domain/store.ts';
import type { IntendedStep } from '../../src/domain/state.ts';
import type { DecisionContext } from '../../src/pipeline/decision-context.ts';
import type { AlertMatch, CorrelatedAlert, PipelineEffect, PipelineEvent } from '../../src/pipeline/event.ts';
import type { Gate } from '../../src/pipeline/gates/gate.ts';
import { matchRule } from '../../src/pipeline/match-alerts.ts';
import { applyEvent, createContext, EMPTY_STATE } from '../support/memory-world.ts';
import {
  BUDGETS,
  PEOPLE,
  planFor,
  type Answer,
  type Budget,
  type Node,
  type Outstanding,
  type Scenario,
  type ScenarioAlert,
  type Step,
} from './model.ts';

/** A defect of the pipeline, planted to see whether it is found. */
export interface PlantedBug {
  readonly gates?: readonly Gate[];
  readonly alter?: (changes: Changes) => Changes;
}

const START_AT = Date.UTC(2026, 0, 1);
/** How long the executor lets a call go on after its time. */
const GRACE_MS = 5_000;
const FORESEE_MS = 30_000;
const SHORT_DOWNTIME_MS = 10_000;
const LONG_DOWNTIME_MS = 600_000;
const ACTOR = { person: 'ada', role: 'admin', roles: [], via: 'api' } as const;
const NO_LABELS = copyLabels({});

export function firstNode(scenario: Scenario): Node {
  return {
    now: START_AT,
    rows: { ...EMPTY_STATE, switches: { ...EMPTY_STATE.switches, bootAt: START_AT } },
    rules: 0,
    outstanding: [],
    left: BUDGETS.map((budget) => scenario.budgets[budget] ?? 0),
    memory: { told: [], mayHaveHappened: [], acted: [], allowed: [] },
  };
}

/** Everything that can happen next. */
export class Moves {
  readonly #scenario: Scenario;
  readonly #bug: PlantedBug;
  readonly #matches = new Map<string, readonly AlertMatch[]>();

  constructor(scenario: Scenario, bug: PlantedBug = {}) {
    this.#scenario = scenario;
    this.#bug = bug;
  }

  /** The steps out of a node, always in the same order. */
  of(node: Node): Step[] {
    const steps: Step[] = [];
    this.#wakes(node, steps);
    for (const outstanding of node.outstanding) this.#answers(node, outstanding, steps);
    for (const alert of this.#scenario.alerts) this.#messages(node, alert, steps);
    this.#commands(node, steps);
    this.#crashes(node, steps);
    return steps;
  }

  #decide(node: Node, name: string, events: readonly PipelineEvent[], more: Partial<Node> = {}, isWake = false): Step {
    let { rows } = node;
    const now = more.now ?? node.now;
    const effects: PipelineEffect[] = [];
    for (const event of events) {
      const context = this.contextAt({ ...node, ...more, rows });
      const decided = applyEvent(rows, event, context, this.#bug);
      rows = decided.state;
      effects.push(...decided.effects);
    }
    const outstanding = more.outstanding ?? node.outstanding;
    const next: Node = { ...node, ...more, rows, outstanding: start(outstanding, effects, now) };
    return { name, node: next, effects, isWake };
  }

  /** What decisions over a node may use. */
  contextAt(node: Node): DecisionContext {
    const { limits, snapshots } = this.#scenario;
    return createContext(node.rows, node.now, this.rulesOf(node), { limits, snapshots });
  }

  /** The rules that are live at a node. */
  rulesOf(node: Node): RuleSet {
    const rules = this.#scenario.ruleSets[node.rules];
    if (rules === undefined) throw new Error(`there is no rule set ${node.rules}`);
    return rules;
  }

  #wakes(node: Node, steps: Step[]): void {
    const due: PipelineEvent[] = [];
    let nextAt = Infinity;
    for (const run of node.rows.runs) {
      if (run.wakeAt === null) continue;
      if (run.wakeAt <= node.now) due.push({ kind: 'wake_run', runId: run.id });
      else nextAt = Math.min(nextAt, run.wakeAt);
    }
    for (const incident of node.rows.incidents) {
      if (incident.wakeAt === null) continue;
      if (incident.wakeAt <= node.now) due.push({ kind: 'wake_incident', incidentId: incident.id });
      else nextAt = Math.min(nextAt, incident.wakeAt);
    }
    for (const event of due) steps.push(this.#decide(node, nameOf(event), [event], {}, true));
    if (node.rows.runs.some((run) => run.state === 'held')) steps.push(this.#decide(node, 'tick', [{ kind: 'tick' }]));
    if (due.length > 0) return;
    for (const { until } of node.outstanding) nextAt = Math.min(nextAt, until);
    if (nextAt !== Infinity && nextAt > node.now)
      steps.push(this.#decide(node, `${nextAt - node.now} ms pass`, [], { now: nextAt }, true));
  }

  #answers(node: Node, outstanding: Outstanding, steps: Step[]): void {
    const { effect } = outstanding;
    for (const [answer, event] of this.#answersTo(node, effect)) {
      if (!this.#scenario.answers.has(answer)) continue;
      const left = node.outstanding.filter((other) => other !== outstanding);
      steps.push(this.#decide(node, `${answer} (${keyOf(effect)})`, [event], { outstanding: left }));
    }
  }

  #answersTo(node: Node, effect: PipelineEffect): readonly (readonly [Answer, PipelineEvent])[] {
    if (effect.kind === 'preview') return [];
    if (effect.kind === 'check') {
      const checked = (result: { output: { ok: boolean } } | { error: ReturnType<typeof failure> }): PipelineEvent => ({
        kind: 'checked',
        runId: effect.runId,
        rung: effect.rung,
        results: effect.calls.map((call) => ('error' in call ? call : result)),
      });
      return [
        ['check true', checked({ output: { ok: true } })],
        ['check false', checked({ output: { ok: false } })],
        ['check fails', checked({ error: failure('unavailable', 'nothing') })],
      ];
    }
    const { runId, address, attempt } = effect;
    const of = { runId, address, attempt };
    const fails = (code: StepErrorCode, happened: 'nothing' | 'unknown'): PipelineEvent => ({
      kind: 'step_ended',
      ...of,
      result: { error: failure(code, happened) },
    });
    const ok: PipelineEvent = { kind: 'step_ended', ...of, result: { output: { ok: true } } };
    const looked = (look: Look): PipelineEvent => ({ kind: 'looked', ...of, look });
    switch (effect.kind) {
      case 'read':
        return [
          ['read ok', ok],
          ['read fails', fails('unavailable', 'nothing')],
        ];
      case 'plan': {
        const target = node.rows.runs.find((run) => run.id === runId)?.target ?? '';
        const touches = this.#scenario.touches(effect.call.remediation.name, target);
        return [
          ['plan ok', { kind: 'planned', ...of, plan: planFor(touches, 1) }],
          ['plan differs', { kind: 'planned', ...of, plan: planFor(touches, 1, { other: true }) }],
          ['plan finds nothing', { kind: 'planned', ...of, plan: planFor(touches, 0) }],
          ['plan fails', fails('unavailable', 'nothing')],
        ];
      }
      case 'foresee':
        return [['foreseen', { kind: 'foreseen', ...of, steps: this.#stepsAfter(node, runId, address) }]];
      case 'act':
        return [
          ['act ok', ok],
          ['act fails before', fails('unavailable', 'nothing')],
          ['act in doubt', fails('timeout', 'unknown')],
        ];
      case 'look':
        return [
          ['look done', looked({ state: 'done', output: { ok: true } })],
          ['look not done', looked({ state: 'not_done' })],
          ['look unknown', looked({ state: 'unknown' })],
          ['look later', looked({ state: 'wait', ms: 5_000 })],
        ];
    }
  }

  /** The steps of a rung behind the one that waits, planned as `plan ok` plans them. */
  #stepsAfter(node: Node, runId: string, address: string): readonly IntendedStep[] {
    const run = node.rows.runs.find((candidate) => candidate.id === runId);
    const rung = run === undefined ? undefined : this.contextAt(node).claimedRule(run)?.rungs[run.rung];
    const prefix = `${run?.rung ?? 0}:steps/`;
    return (rung?.playbook.steps ?? []).flatMap(({ id, call }) =>
      call.kind === 'playbook' || `${prefix}${id}` === address
        ? []
        : [{ address: `${prefix}${id}`, uses: call.remediation.name, connection: null, params: {}, identity: {}, summary: id }],
    );
  }

  #messages(node: Node, alert: ScenarioAlert, steps: Step[]): void {
    const current = node.rows.episodes.find((episode) => episode.current && episode.alertKey === alert.alertKey);
    const name = alert.labels['alertname'] ?? '';
    const send = (budget: Budget, verb: string, times: { startsAt: number; endsAt?: number }): void => {
      const left = spend(node, budget);
      if (left === undefined) return;
      steps.push(this.#decide(node, `${name} ${verb}`, [this.#message(node, alert, times)], { left }));
    };
    if (current?.status === 'firing') {
      steps.push(this.#decide(node, `${name} repeats`, [this.#message(node, alert, { startsAt: current.startsAt })]));
      const endsAt = Math.max(node.now, (current.previousEndsAt ?? 0) + 1);
      send('resolve', 'resolves', { startsAt: current.startsAt, endsAt });
      if (current.previousEndsAt !== null)
        send('late_resolved', 'resolves (late copy)', { startsAt: current.startsAt, endsAt: current.previousEndsAt });
      const left = spend(node, 'reconcile');
      if (left === undefined) return;
      const { alertKey } = alert;
      for (const seen of ['active', 'absent'] as const) {
        steps.push(
          this.#decide(node, `${name} looks ${seen}`, [{ kind: 'reconciled', looks: [{ alertKey, seen }], complete: true }], {
            left,
          }),
        );
      }
      return;
    }
    const lastEnd = current?.endsAt ?? null;
    send('fire', 'fires', { startsAt: Math.max(node.now, (lastEnd ?? 0) + 1) });
    if (lastEnd !== null) send('late_firing', 'fires (late copy)', { startsAt: lastEnd });
  }

  #message(
    node: Node,
    { labels, alertKey }: ScenarioAlert,
    { startsAt, endsAt }: { startsAt: number; endsAt?: number },
  ): PipelineEvent {
    const message: CorrelatedAlert['message'] = {
      status: endsAt === undefined ? 'firing' : 'resolved',
      labels,
      annotations: NO_LABELS,
      startsAt,
      ...(endsAt === undefined ? {} : { endsAt }),
      generatorUrl: '',
      fingerprint: '',
    };
    const batch = {
      source: 'am',
      receivedAt: node.now,
      groupLabels: NO_LABELS,
      truncatedAlerts: 0,
      alerts: [],
      quarantined: [],
      externalUrl: '',
    };
    const cached = `${node.rules} ${alertKey}`;
    const matches =
      this.#matches.get(cached) ??
      this.rulesOf(node)
        .match(labels)
        .map((rule) => matchRule(rule, message, batch, 0));
    this.#matches.set(cached, matches);
    return { kind: 'alerts', batch, alerts: [{ alertKey, message, matches }] };
  }

  #commands(node: Node, steps: Step[]): void {
    const say = (budget: Budget, name: string, event: PipelineEvent, more: Partial<Node> = {}): void => {
      const left = spend(node, budget);
      if (left !== undefined) steps.push(this.#decide(node, name, [event], { left, ...more }));
    };
    for (const { id, status } of node.rows.incidents) {
      if (status === 'resolved') continue;
      if (status === 'triggered') say('acknowledge', `acknowledge ${id}`, { kind: 'acknowledge', incidentId: id, actor: ACTOR });
      say('dismiss', `resolve ${id}`, { kind: 'resolve', incidentId: id, actor: ACTOR });
      for (const run of node.rows.runs) {
        if (run.incidentId !== id) continue;
        if (run.state !== 'ended' || run.quarantined)
          say('cancel', `cancel ${run.id}`, { kind: 'cancel', incidentId: id, runId: run.id, actor: ACTOR });
        if (node.rows.approvals.some((approval) => approval.runId === run.id && approval.state === 'open'))
          this.#answersOfPeople(run.id, say);
        if (run.state === 'ended')
          say('retry', `retry ${run.id}`, { kind: 'retry', incidentId: id, runId: run.id, actor: ACTOR });
      }
    }
    if (node.rows.switches.pausedAt === null) say('pause', 'pause', { kind: 'pause', actor: ACTOR });
    else steps.push(this.#decide(node, 'resume', [{ kind: 'resume', actor: ACTOR }]));
    for (const breaker of node.rows.breakers) {
      if (breaker.openedAt !== null) say('rearm', `rearm ${breaker.rule}`, { kind: 'rearm', rule: breaker.rule, actor: ACTOR });
    }
    if (node.rules + 1 < this.#scenario.ruleSets.length)
      say('rules', 'reload', { kind: 'rules_changed' }, { rules: node.rules + 1 });
  }

  #answersOfPeople(runId: string, say: (budget: Budget, name: string, event: PipelineEvent) => void): void {
    for (const [person, mayAnswer] of PEOPLE) {
      const actor = { person, role: 'responder', roles: mayAnswer ? ['responder'] : ['dba'], via: 'slack' } as const;
      say('approve', `approve ${runId} by ${person}`, { kind: 'approve', incidentId: null, runId, actor });
      if (person !== 'carol') say('reject', `reject ${runId} by ${person}`, { kind: 'reject', incidentId: null, runId, actor });
    }
  }

  #crashes(node: Node, steps: Step[]): void {
    if (!node.rows.runs.some((run) => run.state !== 'ended')) return;
    for (const [budget, downtimeMs] of [
      ['crash', SHORT_DOWNTIME_MS],
      ['long_crash', LONG_DOWNTIME_MS],
    ] as const) {
      const left = spend(node, budget);
      if (left === undefined) continue;
      const events: PipelineEvent[] = [{ kind: 'booted', downtimeMs }];
      for (const state of ['running', 'verifying', 'pending', 'held']) {
        for (const run of node.rows.runs) if (run.state === state) events.push({ kind: 'recovered', runId: run.id });
      }
      steps.push(
        this.#decide(node, `${budget}, down for ${downtimeMs} ms`, events, { left, outstanding: [], now: node.now + downtimeMs }),
      );
    }
  }
}

function failure(code: StepErrorCode, happened: 'nothing' | 'unknown') {
  return { code, message: code, happened };
}

function nameOf(event: PipelineEvent): string {
  if (event.kind === 'wake_run') return `wake ${event.runId}`;
  return event.kind === 'wake_incident' ? `wake ${event.incidentId}` : event.kind;
}

function spend(node: Node, budget: Budget): readonly number[] | undefined {
  const index = BUDGETS.indexOf(budget);
  const left = node.left[index] ?? 0;
  return left === 0 ? undefined : node.left.with(index, left - 1);
}

/** What the executor knows work by: the same work is not started twice while it is under way. */
export function keyOf(effect: PipelineEffect): string {
  switch (effect.kind) {
    case 'preview':
    case 'check':
      return `${effect.kind} ${effect.runId}`;
    default:
      return `${effect.kind} ${effect.runId} ${effect.address} ${effect.attempt}`;
  }
}

function start(outstanding: readonly Outstanding[], effects: readonly PipelineEffect[], now: number): readonly Outstanding[] {
  if (effects.length === 0) return outstanding;
  const next = [...outstanding];
  for (const effect of effects) {
    if (effect.kind === 'preview' || next.some((other) => keyOf(other.effect) === keyOf(effect))) continue;
    const timeoutMs =
      effect.kind === 'check'
        ? Math.max(0, ...effect.calls.map((call) => ('error' in call ? 0 : call.timeoutMs)))
        : effect.kind === 'foresee'
          ? FORESEE_MS
          : effect.call.timeoutMs;
    next.push({ effect, until: now + timeoutMs + GRACE_MS });
  }
  return next;
}
