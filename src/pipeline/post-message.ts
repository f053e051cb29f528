import { newNotice } from '../domain/new-notice.ts';
import type { Run } from '../domain/state.ts';
import type { DecisionContext } from './decision-context.ts';
import type { EventOf } from './event.ts';
import { choosePlaces } from './notify-places.ts';
import { scopeOfRun } from './scope-of-run.ts';
import { tell } from './story.ts';
import type { World } from './world.ts';

/**
 * What a step says reaches people: in the incident of its run, or where the rule's messages go when no incident is there to hold
 * it. The row of the outbox is named after the step, so that a step that is repeated after a crash says it once.
 */
export function postMessage(world: World, run: Run, { address, text }: EventOf<'message'>, context: DecisionContext): void {
  const { now } = context;
  tell(world, run.incidentId, now, 'message', text, { runId: run.id });
  if (run.incidentId !== null) return;
  const rule = context.claimedRule(run);
  const plan = (rule ?? context.rules).responseTo(rule?.severityOf(scopeOfRun(run, now).labels ?? {}).name ?? '');
  const { targets } = choosePlaces(rule, plan, context.defaultChannel, () => scopeOfRun(run, now));
  const place = targets.slack;
  if (place === undefined) {
    world.signals.push({ kind: 'message_without_place', rule: run.rule, runId: run.id, text });
    return;
  }
  world.putNotification(newNotice({ topic: `${run.id}/${address}`, channel: 'slack', place, text }, now));
}
