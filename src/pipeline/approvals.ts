import { formatDuration } from '../domain/duration.ts';
import type { GateName } from '../domain/reason.ts';
import type { Approval, IntendedStep, Run, StepRecord } from '../domain/state.ts';
import { questionOf } from './approval-need.ts';
import { endRun } from './conclude.ts';
import type { DecisionContext } from './decision-context.ts';
import type { CommandAnswer, EventOf } from './event.ts';
import { wakeHeldRung } from './escalation.ts';
import { giveUp } from './finish-step.ts';
import { gates } from './gates/index.ts';
import { openIncidentForRun } from './incident-of-run.ts';
import { isCertainlyAnother } from './certainly-another.ts';
import { intendedStep, intentDigest } from './intent.ts';
import { journalOf } from './journal.ts';
import { locate } from './locate-step.ts';
import { closeQuestion, describeAnswered, isWaiting, withVerdict } from './open-question.ts';
import { stopEarly } from './run-playbook.ts';
import { refuse, type Refusal } from './refuse.ts';
import { tell } from './story.ts';
import { APPROVAL_EXPIRES_MS } from './timing.ts';
import { endWait, planAgain, wakeWaiting } from './waiting-run.ts';
import { describeRefusal, describeRoles, hasRole } from './who-may.ts';
import type { World } from './world.ts';

type Answer = EventOf<'approve' | 'reject'>;

/** The steps to come are known, as far as they can be: now people are asked. The run waits and keeps its claims. */
export function ask(
  world: World,
  given: Run,
  record: StepRecord,
  steps: readonly IntendedStep[],
  context: DecisionContext,
): void {
  const { now } = context;
  const place = locate(world, given, record, context);
  if (place === undefined) return giveUp(world, given, record, context);
  const { plan } = record;
  if (record.stage !== 'foreseeing' || plan === null) return;
  const journal = journalOf(world, given, now);
  journal.write({ ...record, state: 'skipped' });
  if (stopEarly(world, given, context)) return;
  world.putStep({ ...record, stage: 'approving' });
  const { why, spec } = questionOf(place.rule, place.step, record, given);
  const run = given.incidentId === null ? openIncidentForRun(world, given, place.rule, context) : given;
  const known = world.stepsOf(run.id);
  const isToCome = ({ address }: IntendedStep): boolean =>
    address !== record.address && address.startsWith(`${run.rung}:steps/`) && known.get(address)?.endedAt == null;
  const intent = [intendedStep(record, plan), ...steps.filter(isToCome)];
  const approval: Approval = {
    id: context.newToken(),
    runId: run.id,
    incidentId: run.incidentId,
    address: record.address,
    intentDigest: intentDigest(run, intent),
    intent,
    why,
    roles: spec.roles,
    count: spec.count,
    excluded: run.trigger === 'manual' ? run.actor : null,
    state: 'open',
    approvedBy: [],
    decidedBy: null,
    decidedAt: null,
    reason: null,
    askedAt: now,
    timeoutAt: now + spec.timeoutMs,
    onTimeout: spec.onTimeout,
    expiresAt: now + Math.max(spec.timeoutMs, APPROVAL_EXPIRES_MS),
  };
  world.putApproval(approval);
  const text = describeQuestion(approval);
  world.putRun({
    ...withVerdict(run, 'hold', text),
    state: 'held',
    reason: 'approval',
    heldSince: now,
    escalatedFor: null,
    wakeAt: approval.timeoutAt,
  });
  wakeHeldRung(world, run.incidentId, context);
  tell(world, run.incidentId, now, 'approval_asked', `${run.target}: ${text}`, { runId: run.id, reason: 'approval' });
  world.signals.push({ kind: 'approval', state: 'open', runId: run.id, incidentId: run.incidentId });
  world.signals.push({
    kind: 'gate',
    rule: run.rule,
    verdict: 'hold',
    reason: 'approval',
    runId: run.id,
    incidentId: run.incidentId,
  });
}

/** What it would do, why it asks, and who may answer for how long. */
function describeQuestion({ intent, why, roles, count, excluded, askedAt, timeoutAt, onTimeout }: Approval): string {
  const what = intent.map(({ summary }) => summary).join(', then ');
  const who = `${count === 1 ? '1 person' : `${count} people`} with the role ${describeRoles(roles)}`;
  const other = excluded === null ? '' : `, not ${excluded}, who started it`;
  const after = onTimeout === 'cancel' ? 'cancelled' : 'escalated';
  return `may it ${what}? It asks because ${why}. ${who} may approve it${other}; after ${formatDuration(timeoutAt - askedAt)} it is ${after}`;
}

/** A person allows what a run asks for. With the last one that is needed, the step is planned again and, if the same, done. */
export function approve(world: World, event: Answer, context: DecisionContext): CommandAnswer {
  const found = findQuestion(world, event, context);
  if ('ok' in found) return found;
  if ('gate' in found) return passGate(world, found.run, found.gate, event, context);
  const { run, approval } = found;
  const { now } = context;
  const { person } = event.actor;
  if (!hasRole(event.actor, approval.roles))
    return refuse('forbidden', describeRefusal(event.actor, approval.roles, 'approve it'));
  const { excluded } = approval;
  if (excluded === person)
    return refuse('forbidden', `${person} started run ${run.id} by hand; another person has to approve it`);
  const so = (people: number): string => `${people} of ${approval.count}`;
  if (approval.approvedBy.includes(person))
    return refuse('conflict', `${person} has approved it already (${so(approval.approvedBy.length)}); another person has to`);
  const same = [...approval.approvedBy, ...(excluded === null ? [] : [excluded])].find(
    (other) => !isCertainlyAnother(person, other, context),
  );
  if (same !== undefined)
    return refuse(
      'forbidden',
      `it cannot be told whether ${person} is another person than ${same}, and it has to be; add the Slack ids of both to people in remedyd.yml`,
    );
  const approvedBy = [...approval.approvedBy, person];
  const progress = so(approvedBy.length);
  tell(world, run.incidentId, now, 'approval_given', `${run.target}: approved by ${person} (${progress})`, {
    runId: run.id,
    actor: person,
  });
  const data = { run_id: run.id, approvals: progress };
  if (approvedBy.length < approval.count) {
    world.putApproval({ ...approval, approvedBy });
    const left = approval.count - approvedBy.length;
    return { ok: true, text: `approved by ${person} (${progress}); ${left} more needed`, data };
  }
  closeQuestion(world, run, { ...approval, approvedBy }, { state: 'approved', by: person }, now);
  planAgain(world, withVerdict(run, 'proceed', `approved by ${approvedBy.join(' and ')}`), context);
  return { ok: true, text: `run ${run.id} is approved by ${approvedBy.join(' and ')} and goes on`, data };
}

/** A person forbids it: the run ends by way of its `finally`, and nothing further is done in this episode. */
export function reject(world: World, event: Answer, context: DecisionContext): CommandAnswer {
  const found = findQuestion(world, event, context);
  if ('ok' in found) return found;
  const { run } = found;
  const { now } = context;
  const { person } = event.actor;
  const roles = 'approval' in found ? found.approval.roles : rolesAtGate(run, context);
  if (roles === undefined) return refuse('conflict', `the rule ${run.rule} of run ${run.id} is gone`);
  if (!hasRole(event.actor, roles)) return refuse('forbidden', describeRefusal(event.actor, roles, 'reject it'));
  const reason = event.reason === undefined || event.reason.trim() === '' ? undefined : event.reason;
  const detail = `rejected by ${person}${reason === undefined ? '' : `: ${reason}`}`;
  tell(world, run.incidentId, now, 'rejected', `${run.target}: ${detail}`, { runId: run.id, actor: person });
  const ending = { outcome: 'cancelled', reason: 'rejected' } as const;
  if ('gate' in found) endRun(world, run, ending, context, detail);
  else {
    closeQuestion(
      world,
      run,
      found.approval,
      { state: 'rejected', by: person, ...(reason === undefined ? {} : { reason }) },
      now,
    );
    endWait(world, run, ending, context, detail, detail);
  }
  return { ok: true, text: `run ${run.id} is ${detail}`, data: { run_id: run.id } };
}

/** A person lets one run pass a gate that waits for a person's judgement. */
function passGate(world: World, run: Run, gate: GateName, event: Answer, context: DecisionContext): CommandAnswer {
  const { now } = context;
  const { person } = event.actor;
  const roles = rolesAtGate(run, context);
  if (roles === undefined) return refuse('conflict', `the rule ${run.rule} of run ${run.id} is gone`);
  if (!hasRole(event.actor, roles)) return refuse('forbidden', describeRefusal(event.actor, roles, 'approve it'));
  world.putRun({ ...run, overrides: [...run.overrides, gate], wakeAt: now });
  tell(world, run.incidentId, now, 'approval_given', `${run.target}: ${person} lets it pass gate ${gate}`, {
    runId: run.id,
    reason: gate,
    actor: person,
  });
  return { ok: true, text: `run ${run.id} is judged again, past gate ${gate}`, data: { run_id: run.id } };
}

/** Who may decide at a gate; nobody when the rule that says it is gone. */
function rolesAtGate(run: Run, { rules }: DecisionContext): readonly string[] | undefined {
  return rules.byName(run.rule)?.approval.roles;
}

/** What an answer is about: the question of a run that has started, or the gate that one waits at. */
type Found = { readonly run: Run; readonly approval: Approval } | { readonly run: Run; readonly gate: GateName };

/** The question that an answer means, if it is still open; without one, a run that waits at a gate for a person. */
function findQuestion(world: World, event: Answer, context: DecisionContext): Found | Refusal {
  const runs = runsOf(world, event);
  if ('ok' in runs) return runs;
  const questions = runs.flatMap((run) => world.approvalsOf(run.id)).sort((a, b) => a.askedAt - b.askedAt);
  if (event.isAtGate === true) return findAtGate(runs, questions.at(-1));
  const named = pickQuestion(questions, event);
  if (named !== undefined && 'ok' in named) return named;
  if (named === undefined) return findAtGate(runs, questions.at(-1));
  const run = runs.find(({ id }) => id === named.runId);
  if (run === undefined) return refuse('not_found', `run ${named.runId} of the question is gone`);
  // Its time may be up, or its alerts over, and nobody has looked yet.
  if (named.state === 'open' && isWaiting(run)) wakeWaiting(world, run, context);
  const approval = world.approvalsOf(run.id).find(({ id }) => id === named.id) ?? named;
  if (approval.state !== 'open') return refuse('conflict', describeAnswered(approval));
  return { run: world.run(run.id) ?? run, approval };
}

function runsOf(world: World, { runId, incidentId }: Answer): readonly Run[] | Refusal {
  if (incidentId !== null && world.incident(incidentId) === undefined)
    return refuse('not_found', `there is no incident ${incidentId}`);
  if (runId === undefined) return incidentId === null ? refuse('invalid', 'name an incident or a run') : world.runsOf(incidentId);
  const run = world.run(runId);
  if (run === undefined || (incidentId !== null && run.incidentId !== incidentId))
    return refuse('not_found', `there is no run ${runId}${incidentId === null ? '' : ` in ${incidentId}`}`);
  return [run];
}

/** The question that is named by its id or by what the person saw; else the only open one, or the last that was answered. */
function pickQuestion(
  questions: readonly Approval[],
  { approvalId, intentDigest: seen }: Answer,
): Approval | Refusal | undefined {
  const open = questions.filter(({ state }) => state === 'open');
  const unseen = (current: Approval | undefined): Refusal =>
    refuse(
      'conflict',
      current === undefined
        ? 'this is not a question that is open; nothing waits for an approval'
        : `what it would do now is not what you saw: ${current.intent.map(({ summary }) => summary).join(', then ')}; look again`,
    );
  if (approvalId !== undefined) {
    const named = questions.find(({ id }) => id === approvalId);
    if (named === undefined) return refuse('conflict', 'this question is not known here; look at the incident again');
    return seen === undefined || named.intentDigest === seen ? named : unseen(named);
  }
  if (seen !== undefined) {
    const sameIntent = questions.filter(({ intentDigest: digest }) => digest === seen);
    return (
      sameIntent.find(({ state }) => state === 'open') ??
      (open.length > 0 ? unseen(open.at(-1)) : sameIntent.at(-1)) ??
      unseen(undefined)
    );
  }
  const [only, another] = open;
  if (another !== undefined)
    return refuse('conflict', `several runs wait for an approval; name one: ${open.map(({ runId }) => runId).join(', ')}`);
  return only;
}

function findAtGate(runs: readonly Run[], answered: Approval | undefined): Found | Refusal {
  const held = runs.flatMap((run) => {
    const gate =
      run.state === 'held' ? gates.find(({ name, approvable }) => approvable === true && name === run.reason) : undefined;
    return gate === undefined ? [] : [{ run, gate: gate.name }];
  });
  const [only, another] = held;
  if (only === undefined)
    return refuse('conflict', answered === undefined ? 'no run waits for an approval' : describeAnswered(answered));
  if (another !== undefined)
    return refuse('conflict', `several runs wait for an approval; name one: ${held.map(({ run }) => run.id).join(', ')}`);
  return only;
}
