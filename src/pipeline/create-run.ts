import type { Rule } from '../domain/rule.ts';
import type { Line, Run } from '../domain/state.ts';
import type { DecisionContext } from './decision-context.ts';
import { defaultParams } from './rule-params.ts';
import type { World } from './world.ts';

type Place = Pick<Run, 'incidentId' | 'lineId' | 'lineEpisode' | 'target' | 'severityRank' | 'delayFrom' | 'params'>;
type Origin = Pick<Run, 'trigger' | 'actor'> & { readonly overrides?: Run['overrides'] };

/** Makes the pending run of a line; the gates judge it next. */
export function createRun(world: World, line: Line, rule: Rule, origin: Origin, context: DecisionContext): Run {
  const run = newRun(
    rule,
    {
      incidentId: line.incidentId,
      lineId: line.id,
      lineEpisode: line.episode,
      target: line.target,
      severityRank: line.severityRank,
      delayFrom: line.firingSince,
      params: defaultParams(rule),
    },
    origin,
    context,
  );
  world.putRun(run);
  world.putLine({ ...line, runId: run.id });
  return run;
}

/** A run that nothing was decided of. It is not in the world yet. */
export function newRun(rule: Rule, place: Place, origin: Origin, context: DecisionContext): Run {
  const { now } = context;
  return {
    id: context.newId('run'),
    ...place,
    rule: rule.name,
    ruleDigest: rule.digest,
    trigger: origin.trigger,
    actor: origin.actor,
    mode: rule.mode,
    readsOnly: rule.readsOnly,
    state: 'pending',
    outcome: null,
    reason: null,
    rung: 0,
    attempt: 1,
    createdAt: now,
    startedAt: null,
    actingAt: null,
    rungActed: false,
    endedAt: null,
    deadlineAt: null,
    verifyingSince: null,
    verifyDeadlineAt: null,
    stableSince: null,
    checksSeen: [],
    wakeAt: now,
    heldSince: null,
    escalatedFor: null,
    delayDone: false,
    announcedAt: null,
    cancelWindowDone: false,
    cancelledBy: null,
    overrides: origin.overrides ?? [],
    verdicts: [],
    frozen: null,
    ending: null,
    quarantined: false,
    recurred: false,
    evidence: null,
  };
}
