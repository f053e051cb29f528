import { copyLabels } from '../domain/alert.ts';
import type { JsonObject } from '../domain/json.ts';
import { ParameterError } from '../domain/parameter.ts';
import type { Rule } from '../domain/rule.ts';
import { newRun } from './create-run.ts';
import type { DecisionContext } from './decision-context.ts';
import type { CommandAnswer, EventOf } from './event.ts';
import { paused } from './gates/paused.ts';
import { targetBusy } from './gates/target-busy.ts';
import { judgeGates } from './judge.ts';
import { refuse, type Refusal } from './refuse.ts';
import { renderValue } from './render-value.ts';
import { givenParams } from './rule-params.ts';
import { scopeOfMessage } from './scope-of-message.ts';
import { startRun } from './start-run.ts';
import { describeRefusal, hasRole } from './who-may.ts';
import type { World } from './world.ts';

type ByHand = EventOf<'run_by_hand'>;

/** The only gates that a hand has to pass; they refuse it at once. It counts in the limits and is not stopped by them. */
const GATES_FOR_HANDS = [paused, targetBusy];

/** What a person wants to run, checked as far as rules can tell. */
export interface HandDemand {
  readonly rule: Rule;
  readonly params: JsonObject;
  readonly target: string;
}

/** Starts a rule's run for a person, or says in one line why not. */
export function runByHand(world: World, event: ByHand, context: DecisionContext): CommandAnswer {
  const demand = demandOf(event, context);
  if ('ok' in demand) return demand;
  const { rule, params, target } = demand;
  const { rank } = rule.severityOf(copyLabels({}));
  const { now } = context;
  const run = newRun(
    rule,
    { incidentId: null, lineId: null, lineEpisode: 0, target, severityRank: rank, delayFrom: now, params },
    { trigger: 'manual', actor: event.actor.person },
    context,
  );
  const judged = judgeGates({ run, rule, incident: undefined }, world, context, GATES_FOR_HANDS);
  const blocking = judged.find(({ verdict }) => verdict.verdict !== 'proceed');
  if (blocking !== undefined) return refuse('conflict', `${blocking.gate.name}: ${blocking.verdict.detail}`);
  const verdicts = judged.map(({ gate, verdict: { verdict, detail } }) => ({ gate: gate.name, verdict, detail }));
  startRun(world, { ...run, verdicts }, rule, context);
  return { ok: true, text: `run ${run.id} of ${rule.name} is started for ${target}`, data: { run_id: run.id } };
}

/** The rule, its parameters and its target that a person means, or why it cannot be. */
export function demandOf(event: ByHand, { rules, now }: DecisionContext): HandDemand | Refusal {
  const { actor } = event;
  const rule = rules.byName(event.rule);
  if (rule === undefined)
    return refuse(
      'not_found',
      rules.playbooks.has(event.rule)
        ? `${event.rule} is a playbook, which has no target and no limits: run a rule that has \`manual\` and this playbook, or use --dry-run`
        : `there is no rule ${event.rule}`,
    );
  if (rule.manual === undefined) return refuse('invalid', `${rule.name} is not run by hand: it has no "manual"`);
  const { roles } = rule.manual;
  if (!hasRole(actor, roles)) return refuse('forbidden', describeRefusal(actor, roles, `run ${rule.name}`));
  if (rule.rungs.length === 0) return refuse('invalid', `${rule.name} has no steps`);
  let params: JsonObject;
  try {
    params = givenParams(rule.params, event.params);
  } catch (error) {
    if (error instanceof ParameterError) return refuse('invalid', error.message);
    throw error;
  }
  const own = targetOf(rule, params, actor.person, now);
  const target = 'value' in own ? own.value : event.target?.trim();
  if (target === undefined || target === '')
    return refuse(
      'invalid',
      `the target of ${rule.name} has no value without an alert (${'missing' in own ? own.missing : 'it is empty'}); name one with --target`,
    );
  if (event.target !== undefined && event.target.trim() !== target)
    return refuse('invalid', `the target of ${rule.name} is ${target}; another cannot be named`);
  return { rule, params, target };
}

/** A hand has parameters, and no labels. */
function targetOf({ target }: Rule, params: JsonObject, actor: string, now: number): ReturnType<typeof renderValue> {
  if (target === undefined) return { missing: 'it has none' };
  const run = { id: '', attempt: 1, failed: false, actor };
  return renderValue(target, { ...scopeOfMessage(undefined, copyLabels({}), now), params, run });
}
