import type { Rule } from '../domain/rule.ts';
import type { Line, Run } from '../domain/state.ts';
import type { DecisionContext } from './decision-context.ts';
import type { World } from './world.ts';

/** Makes the pending run of a line; the gates judge it next. */
export function createRun(
  world: World,
  line: Line,
  rule: Rule,
  origin: Pick<Run, 'trigger' | 'actor'> & { overrides?: Run['overrides'] },
  context: DecisionContext,
): Run {
  const { now } = context;
  const run: Run = {
    id: context.newId('run'),
    incidentId: line.incidentId,
    lineId: line.id,
    lineEpisode: line.episode,
    rule: rule.name,
    ruleDigest: rule.digest,
    target: line.target,
    trigger: origin.trigger,
    actor: origin.actor,
    mode: rule.mode,
    readsOnly: rule.readsOnly,
    severityRank: line.severityRank,
    params: {},
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
    delayFrom: line.firingSince,
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
  world.putRun(run);
  world.putLine({ ...line, runId: run.id });
  return run;
}
