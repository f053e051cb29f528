import type { Episode, Incident, Line, Run } from '../../src/domain/state.ts';
import type { DecisionContext } from '../../src/pipeline/decision-context.ts';
import { judgeGates } from '../../src/pipeline/judge.ts';
import { worldOf } from '../support/memory-world.ts';
import { PEOPLE, type Allowed, type Memory, type Node, type Step } from './model.ts';

/** Holds that end by an event or a tick instead of at an instant of their own. */
const ENDED_BY_EVENT: readonly string[] = [
  'paused',
  'silenced',
  'target_busy',
  'blast_radius',
  'concurrency',
  'cause_firing',
  'storm',
  'breaker_open',
];

/** Longer than this past its time no run may be under way: steps, `finally` and one long downtime take less in any scenario. */
export const LONGEST_OVERTIME_MS = 1_200_000;

/** The gates say what they say of the rows as they were: a run that starts must have had all of them, whatever the reducer asked. */
export type GateOracle = (before: Node, run: Run) => readonly string[];

export function createGateOracle(contextAt: (node: Node) => DecisionContext): GateOracle {
  return (before, run) => {
    const context = contextAt(before);
    const rule = context.rules.byName(run.rule);
    if (rule === undefined) return ['rule_removed'];
    const incident = before.rows.incidents.find((candidate) => candidate.id === run.incidentId);
    const judged = judgeGates(
      { run: { ...run, readsOnly: rule.readsOnly }, rule, incident },
      worldOf(before.rows, context),
      context,
    );
    return judged.filter(({ verdict }) => verdict.verdict !== 'proceed').map(({ gate }) => gate.name);
  };
}

/** How many people have to allow a step of a run, by the rule that it was claimed with. */
export type ApprovalOracle = (node: Node, run: Run, address: string) => number;

export function createApprovalOracle(contextAt: (node: Node) => DecisionContext): ApprovalOracle {
  return (node, run, address) => {
    const rule = contextAt(node).claimedRule(run);
    const [, rung = '', id] = /^(\d+):steps\/(.+)$/.exec(address) ?? [];
    const step = rule?.rungs[Number(rung)]?.playbook.steps.find((candidate) => candidate.id === id);
    if (rule === undefined || step === undefined) return 0;
    return step.approval?.count ?? (rule.mode === 'auto' ? 0 : rule.approval.count);
  };
}

/**
 * What a step breaks, in words; `undefined` when it keeps every law. Also brings the memory of the history up to date,
 * which is why it gives a node.
 */
export function judgeStep(
  before: Node,
  step: Step,
  gates: GateOracle,
  approvals: ApprovalOracle,
): { readonly node: Node; readonly broken: string | undefined } {
  const node =
    before.rows === step.node.rows && step.effects.length === 0 && step.node.outstanding === before.outstanding
      ? step.node
      : { ...step.node, memory: remember(before, step) };
  const broken =
    breaksEffects(before, step, node) ??
    breaksApproval(step, node, approvals) ??
    breaksStart(before, node, step, gates) ??
    breaksHistory(before, node) ??
    breaksRows(node) ??
    breaksProgress(node);
  return { node, broken };
}

function remember(before: Node, { node, effects, name }: Step): Memory {
  let { told, mayHaveHappened, acted } = before.memory;
  const began = node.rows.lines.filter((line) => before.rows.lines.find((old) => old.id === line.id)?.episode !== line.episode);
  if (began.length > 0) told = told.filter((id) => !began.some((line) => line.id === id));
  for (const incident of node.rows.incidents) {
    const old = before.rows.incidents.find((candidate) => candidate.id === incident.id);
    if (old === incident || incident.escalationLevel <= (old?.escalationLevel ?? 0)) continue;
    const lines = node.rows.lines.filter((line) => line.incidentId === incident.id && line.firing > 0 && !told.includes(line.id));
    if (lines.length > 0) told = [...told, ...lines.map((line) => line.id)].sort();
  }
  // What is proven not to have happened may be started again.
  const proof = /^(?:act fails before|look not done) \((?:act|look) (\S+ \S+) \d+\)$/.exec(name)?.[1];
  if (proof !== undefined) mayHaveHappened = mayHaveHappened.filter((change) => change !== proof);
  for (const effect of effects) {
    if (effect.kind !== 'act') continue;
    const change = `${effect.runId} ${effect.address}`;
    if (!mayHaveHappened.includes(change)) mayHaveHappened = [...mayHaveHappened, change].sort();
    const run = node.rows.runs.find((candidate) => candidate.id === effect.runId);
    if (run?.trigger !== 'alert') continue;
    const episode = `${run.lineId ?? ''} ${run.lineEpisode}`;
    if (!acted.some(([known]) => known === episode)) acted = [...acted, [episode, run.id] as const].sort();
  }
  const live = new Set(node.rows.runs.filter((run) => run.state !== 'ended').map((run) => run.id));
  if (mayHaveHappened.length > 0)
    mayHaveHappened = mayHaveHappened.filter((change) => live.has(change.slice(0, change.indexOf(' '))));
  return { told, mayHaveHappened, acted, allowed: rememberAllowed(before, node, name, began) };
}

/** What people have allowed: by their words, and by what takes them back. Looks at what they were shown, not at what was made of it. */
function rememberAllowed(before: Node, node: Node, name: string, began: readonly Line[]): readonly Allowed[] {
  let { allowed } = before.memory;
  const live = (runId: string): Run | undefined => node.rows.runs.find(({ id, state }) => id === runId && state !== 'ended');
  const [, verb, runId = '', person = ''] = /^(approve|reject) (\S+) by (\S+)$/.exec(name) ?? [];
  if (verb === 'reject' && PEOPLE.get(person) === true) allowed = allowed.filter((word) => word.runId !== runId);
  const asked = before.rows.approvals.find((approval) => approval.runId === runId && approval.state === 'open');
  if (verb === 'approve' && PEOPLE.get(person) === true && asked !== undefined && before.now < asked.expiresAt) {
    const { askedAt } = asked;
    const said = asked.intent.map(({ address, identity }) => ({
      runId,
      address,
      identity: JSON.stringify(identity),
      person,
      askedAt,
    }));
    allowed = [...allowed, ...said];
  }
  if (allowed.length === 0) return allowed;
  // Alerts that began anew are another matter, and so is a step that turns out to do something else.
  const isOver = (word: Allowed): boolean => began.some(({ id }) => id === live(word.runId)?.lineId) && word.askedAt < node.now;
  const [, differs, planned] = /^plan (ok|differs) \(plan (\S+ \S+) \d+\)$/.exec(name) ?? [];
  const identity = differs === 'differs' ? '{"other":true}' : '{}';
  const isElse = (word: Allowed): boolean => planned === `${word.runId} ${word.address}` && word.identity !== identity;
  return allowed.filter((word) => live(word.runId) !== undefined && !isOver(word) && !isElse(word));
}

/** Fourth law: nothing that people have to allow is changed before enough of them have allowed exactly that. */
function breaksApproval({ effects }: Step, { rows, memory, ...node }: Node, approvals: ApprovalOracle): string | undefined {
  for (const effect of effects) {
    const run = effect.kind === 'act' ? rows.runs.find(({ id }) => id === effect.runId) : undefined;
    if (effect.kind !== 'act' || run === undefined) continue;
    const needed = approvals({ rows, memory, ...node }, run, effect.address);
    if (needed === 0 || effect.plan.count === 0) continue;
    const identity = JSON.stringify(effect.plan.identity);
    const people = memory.allowed
      .filter((word) => word.runId === run.id && word.address === effect.address && word.identity === identity)
      .map(({ person }) => person);
    if (new Set(people).size < needed)
      return `law 4: ${run.id} ${effect.address} acts, allowed by ${new Set(people).size} of ${needed} people`;
  }
  return undefined;
}

/** First law, for every change that is started; second law, for what acts besides it. */
function breaksEffects(before: Node, { effects, name }: Step, node: Node): string | undefined {
  const { rows } = node;
  const proven = /^(?:act fails before|look not done) \((?:act|look) (\S+ \S+) \d+\)$/.exec(name)?.[1];
  for (const effect of effects) {
    if (effect.kind !== 'act') continue;
    const run = rows.runs.find((candidate) => candidate.id === effect.runId);
    const record = rows.steps.find((candidate) => candidate.runId === effect.runId && candidate.address === effect.address);
    const what = `${effect.runId} ${effect.address}`;
    if (run?.state !== 'running') return `${what} acts although its run is ${run?.state ?? 'unknown'}`;
    const keys = [`target:${run.target}`, ...effect.plan.touches.map((touch) => `touch:${touch}`)];
    const unclaimed = keys.find(
      (key) => !rows.claims.some((claim) => claim.key === key && claim.runId === run.id && !claim.quarantined),
    );
    if (unclaimed !== undefined) return `law 1: ${what} acts without a claim on ${unclaimed}`;
    if (record?.state !== 'running' || record.stage !== 'acting' || record.actingAt === null || record.plan === null)
      return `law 1: ${what} acts without an intent in the journal`;
    if (effect.call.remediation.inDoubt !== 'repeat' && before.memory.mayHaveHappened.includes(what) && proven !== what)
      return `law 2: ${what} is started twice, and may have happened already`;
    if (run.trigger === 'alert') {
      const first = node.memory.acted.find(([episode]) => episode === `${run.lineId ?? ''} ${run.lineEpisode}`);
      if (first !== undefined && first[1] !== run.id)
        return `law 2: ${run.id} acts in the episode of ${run.lineId ?? ''} that ${first[1]} acted in`;
    }
  }
  return breaksExclusion(node);
}

/** Nothing is changed by two at once. */
function breaksExclusion(node: Node): string | undefined {
  const taken = new Map<string, string>();
  for (const { effect } of node.outstanding) {
    if (effect.kind !== 'act') continue;
    const run = node.rows.runs.find((candidate) => candidate.id === effect.runId);
    for (const key of [`target:${run?.target ?? ''}`, ...effect.plan.touches]) {
      const other = taken.get(key);
      if (other !== undefined) return `law 2: ${other} and ${effect.runId} change ${key} at the same time`;
      taken.set(key, effect.runId);
    }
  }
  return undefined;
}

/** First law: a run starts only in a transaction in which every gate proceeds, and that claims its target. */
function breaksStart(before: Node, node: Node, step: Step, gates: GateOracle): string | undefined {
  for (const run of node.rows.runs) {
    const old = before.rows.runs.find((candidate) => candidate.id === run.id);
    if (run.startedAt === null || old?.startedAt !== null || old === run) continue;
    const blocking = gates({ ...before, rules: node.rules, now: node.now }, old);
    if (blocking.length > 0) return `law 1: ${run.id} starts although ${blocking.join(', ')} would hold it (${step.name})`;
    const claim = node.rows.claims.find((candidate) => candidate.key === `target:${run.target}`);
    if (!run.readsOnly && run.state === 'running' && claim?.runId !== run.id)
      return `law 1: ${run.id} starts without a claim on its target`;
  }
  return undefined;
}

/** What was over stays over. */
function breaksHistory(before: Node, node: Node): string | undefined {
  if (before.rows === node.rows) return undefined;
  if (before.rows.steps !== node.rows.steps) {
    for (const old of before.rows.steps) {
      if (old.endedAt === null) continue;
      const step = node.rows.steps.find((candidate) => candidate.runId === old.runId && candidate.address === old.address);
      if (step?.state !== old.state) return `step ${old.runId} ${old.address} was ${old.state} and is ${step?.state ?? 'gone'}`;
    }
  }
  for (const old of before.rows.runs) {
    if (old.state !== 'ended') continue;
    const run = node.rows.runs.find((candidate) => candidate.id === old.id);
    if (run?.state !== 'ended' || run.outcome !== old.outcome)
      return `run ${old.id} had ended ${old.outcome ?? ''} and is ${run?.state ?? 'gone'}`;
  }
  return undefined;
}

/** What has to be so in every state: counts, keys, claims, live runs, and the third law. */
function breaksRows(node: Node): string | undefined {
  const { rows } = node;
  for (const claim of rows.claims) {
    const run = rows.runs.find((candidate) => candidate.id === claim.runId);
    if (run?.state === 'ended' && !(run.quarantined && claim.quarantined)) return `ended run ${run.id} holds ${claim.key}`;
  }
  for (const run of rows.runs) {
    if (run.quarantined && !rows.claims.some((claim) => claim.runId === run.id && claim.key === `target:${run.target}`))
      return `interrupted run ${run.id} left its target to others`;
  }
  for (const step of rows.steps) {
    if (step.state !== 'running') continue;
    if (rows.runs.some((run) => run.id === step.runId && run.state === 'ended'))
      return `step ${step.address} goes on although run ${step.runId} has ended`;
  }
  for (const incident of rows.incidents) {
    const broken = breaksIncident(node, incident);
    if (broken !== undefined) return broken;
  }
  for (const line of rows.lines) {
    const broken = breaksLine(node, line);
    if (broken !== undefined) return broken;
  }
  const current = new Set<string>();
  for (const episode of rows.episodes) {
    if (!episode.current) continue;
    if (current.has(episode.alertKey)) return `two current episodes of one alert`;
    current.add(episode.alertKey);
  }
  return undefined;
}

function firingMembers(node: Node, incidentId: string): Episode[] {
  const { rows } = node;
  return rows.members.flatMap((member) => {
    if (member.incidentId !== incidentId) return [];
    return rows.episodes.filter((episode) => episode.id === member.episodeId && episode.status === 'firing');
  });
}

function breaksIncident(node: Node, incident: Incident): string | undefined {
  const firing = firingMembers(node, incident.id);
  if (firing.length !== incident.firing)
    return `${incident.id} counts ${incident.firing} firing alerts, and has ${firing.length}`;
  if (incident.status === 'resolved') {
    const forgotten = firing.find((episode) => episode.closedBy !== 'dismissed');
    return forgotten === undefined ? undefined : `law 3: ${incident.id} is resolved although ${forgotten.alertname} fires`;
  }
  const isBusy = node.rows.runs.some((run) => run.incidentId === incident.id && (run.state !== 'ended' || run.quarantined));
  if (incident.firing === 0 && !isBusy && incident.wakeAt === null)
    return `${incident.id} is over and nothing will ever close it`;
  return undefined;
}

/**
 * Third law. A line that fires, in an open incident, must have one of:
 * - a live run, which in turn has a wake time, work under way, or a hold that an event or a tick ends (`breaksProgress`);
 * - an escalation of its incident in this episode;
 * - a verified run, while it is watched until when people are told;
 * - a person who said so: acknowledged, cancelled, or resolved the incident (before it, for a notify-only one);
 * - a rule that only watches (`observe`) or only reads.
 */
function breaksLine(node: Node, line: Line): string | undefined {
  const { rows, memory } = node;
  const incident = rows.incidents.find((candidate) => candidate.id === line.incidentId);
  const runs = rows.runs.filter((run) => run.lineId === line.id);
  const live = runs.filter((run) => run.state !== 'ended');
  if (live.length > 1) return `${line.id} has ${live.length} live runs`;
  let firing = 0;
  for (const member of rows.members) {
    if (member.incidentId !== line.incidentId || member.target !== line.target) continue;
    if (rows.episodes.some((episode) => episode.id === member.episodeId && episode.status === 'firing')) firing += 1;
  }
  if (firing !== line.firing) return `${line.id} counts ${line.firing} firing alerts, and has ${firing}`;
  if (line.firing === 0 || incident === undefined || incident.status === 'resolved' || live.length === 1) return undefined;
  const last = runs.find((run) => run.id === line.runId);
  const isTold = memory.told.includes(line.id) || incident.notifyOnly || incident.acknowledgedAt !== null;
  const isWatched = line.watchUntil !== null && incident.wakeAt !== null && incident.wakeAt <= line.watchUntil;
  const isMeant = last?.lineEpisode === line.episode && saidOnlyWatch(last);
  if (isTold || isWatched || isMeant) return undefined;
  return `law 3: ${line.id} fires and is forgotten; its last run ${last?.id ?? 'does not exist'} ended ${last?.outcome ?? ''} (${last?.reason ?? 'no reason'})`;
}

/** A person or the rule said that nothing more is to be done in this episode. */
function saidOnlyWatch(run: Run): boolean {
  return (
    run.reason === 'cancelled_by_person' ||
    run.reason === 'observe_mode' ||
    run.reason === 'rejected' ||
    run.reason === 'approval_timeout' ||
    (run.readsOnly && run.outcome === 'completed')
  );
}

/** Every live run has something that makes it go on, and none goes on without an end. */
function breaksProgress(node: Node): string | undefined {
  for (const run of node.rows.runs) {
    if (run.state === 'ended') continue;
    if (run.deadlineAt !== null && run.state === 'running' && node.now - run.deadlineAt > LONGEST_OVERTIME_MS)
      return `law 3: ${run.id} never ends`;
    if (run.wakeAt !== null) continue;
    const isHeldForEvent = run.state === 'held' && ENDED_BY_EVENT.includes(run.reason ?? '');
    const hasWork = run.state === 'running' && node.outstanding.some(({ effect }) => effect.runId === run.id);
    if (!isHeldForEvent && !hasWork)
      return `law 3: ${run.id} is ${run.state} (${run.reason ?? 'no reason'}) and nothing will ever wake it`;
  }
  return undefined;
}
