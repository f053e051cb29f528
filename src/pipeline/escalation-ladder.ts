import type { EscalationRung, ResponsePlan } from '../domain/response.ts';
import type { Incident } from '../domain/state.ts';
import type { DecisionContext } from './decision-context.ts';
import { RUNG_HOLD_MS } from './timing.ts';

/** How far an incident has come on the ladder of its escalation policy. */
export type LadderPosition = Pick<Incident, 'nextRung' | 'rungHeldSince'>;

/** What people do for an incident, by the rule that is live now; where that is gone, by its severity. */
export function responsePlanOf(incident: Pick<Incident, 'rule' | 'severity'>, { rules }: DecisionContext): ResponsePlan {
  return (rules.byName(incident.rule) ?? rules).responseTo(incident.severity);
}

/** When a rung is due: its clock runs from the start of the incident. */
export function rungDueAt({ startedAt }: Pick<Incident, 'startedAt'>, plan: ResponsePlan, { afterMs }: EscalationRung): number {
  return plan.dueAt(startedAt, afterMs);
}

/**
 * The places in the policy of rungs that were due and wait for the end of a run. Later rungs may have gone past them, so
 * they are known by what they are: they have `unless: verified`, and were not due before `rungHeldSince`.
 */
export function heldRungs(incident: Incident, plan: ResponsePlan): readonly number[] {
  const { rungHeldSince, nextRung } = incident;
  if (rungHeldSince === null) return [];
  const passed = plan.rungs.slice(0, nextRung);
  const held = [...passed.keys()].filter((index) => {
    const rung = passed[index];
    return rung?.unless.includes('verified') === true && rungDueAt(incident, plan, rung) >= rungHeldSince;
  });
  // By now another policy may be in force, with no such rung: the last that was passed stands for what waited.
  return held.length > 0 || passed.length === 0 ? held : [passed.length - 1];
}

/** Where the ladder stands when these rungs wait and those before `nextRung` do not. */
export function positionAt(incident: Incident, plan: ResponsePlan, nextRung: number, held: readonly number[]): LadderPosition {
  const dueTimes = held.flatMap((index) => {
    const rung = plan.rungs[index];
    return rung === undefined ? [] : [rungDueAt(incident, plan, rung)];
  });
  return { nextRung, rungHeldSince: dueTimes.length === 0 ? null : Math.min(...dueTimes) };
}

/**
 * The rung that an escalation sends before its time, or the first of those that wait, and the ladder after it. Rungs of the
 * same time are one.
 */
export function takeNextRung(
  incident: Incident,
  plan: ResponsePlan,
): { readonly rungs: readonly EscalationRung[]; readonly position: LadderPosition } {
  const { rungs } = plan;
  const { nextRung } = incident;
  const held = heldRungs(incident, plan);
  if (held.length === 0) {
    const next = rungs[nextRung];
    const sent = rungs.slice(nextRung).filter((rung) => rung.afterMs === next?.afterMs);
    return { rungs: sent, position: { nextRung: nextRung + sent.length, rungHeldSince: null } };
  }
  const { rungHeldSince } = positionAt(incident, plan, nextRung, held);
  const isFirst = (index: number): boolean => {
    const rung = rungs[index];
    return rung !== undefined && rungDueAt(incident, plan, rung) === rungHeldSince;
  };
  const left = held.filter((index) => !isFirst(index));
  return {
    rungs: held.filter(isFirst).flatMap((index) => rungs[index] ?? []),
    position: positionAt(incident, plan, nextRung, left),
  };
}

/** When people have to be called or reminded next; `Infinity` for never. */
export function nextCallAt(incident: Incident, plan: ResponsePlan): number {
  const { startedAt, status, nextRung, rungHeldSince, responseMissed, updateDueAt } = incident;
  const next = plan.rungs[nextRung];
  const isResponseOwed = status === 'triggered' && !responseMissed && plan.responseTimeMs !== undefined;
  return Math.min(
    next === undefined ? Infinity : rungDueAt(incident, plan, next),
    rungHeldSince === null ? Infinity : rungHeldSince + RUNG_HOLD_MS,
    isResponseOwed ? plan.dueAt(startedAt, plan.responseTimeMs) : Infinity,
    updateDueAt ?? Infinity,
  );
}

/** The earliest of these instants as a row has it: null for never. */
export function earliest(...instants: readonly (number | null)[]): number | null {
  let first = Infinity;
  for (const at of instants) if (at !== null && at < first) first = at;
  return first === Infinity ? null : first;
}
