import type { Rule } from '../domain/rule.ts';
import type { Line, Run, StepRecord } from '../domain/state.ts';
import type { IncidentDetail } from '../domain/store.ts';

const MAX_LINES = 20;
/** Gates that know when they will let the run go, as far as nothing changes. */
const TIMED_GATES: readonly string[] = ['muted', 'unconfirmed', 'rate_limited', 'cooldown'];

/** What the automation of an incident does now and next, in one line for each target; empty when it is resolved. */
export function whatComesNext(detail: IncidentDetail, rule: Rule | undefined, now: number): readonly string[] {
  const { incident, lines, runs } = detail;
  if (incident.status === 'resolved') return [];
  const working = runs
    .filter(({ state }) => state !== 'ended')
    .map((run) => `${run.target}: ${nextOfRun(run, { ...detail, rule, now })}`);
  const watching = lines.filter((line) => isWatched(line, runs)).map((line) => watchText(line, runs, now));
  const all = [...working, ...watching];
  if (all.length === 0) return [nothingMore(detail, rule)];
  return all.length <= MAX_LINES ? all : [...all.slice(0, MAX_LINES), `and ${all.length - MAX_LINES} more`];
}

interface Surroundings extends Pick<IncidentDetail, 'steps' | 'approvals'> {
  readonly rule: Rule | undefined;
  readonly now: number;
}

function nextOfRun(run: Run, surroundings: Surroundings): string {
  switch (run.state) {
    case 'pending':
      return 'starts as soon as every gate agrees';
    case 'held':
      return run.startedAt === null ? held(run, surroundings) : waitsForPeople(run, surroundings);
    case 'running':
      return working(run, surroundings.steps);
    case 'verifying':
      return `verifying${run.verifyDeadlineAt === null ? '' : ` until ${clockTime(run.verifyDeadlineAt, surroundings.now)}`}: it looks whether it helped`;
    case 'ended':
      return 'has ended';
  }
}

function held(run: Run, { rule, now }: Surroundings): string {
  const { reason, wakeAt } = run;
  const detail = run.verdicts.find(({ gate }) => gate === reason)?.detail ?? '';
  const why = detail === '' ? '' : ` (${detail})`;
  if (reason === 'delay') {
    const at = run.delayFrom + (rule?.delayMs ?? 0);
    return `starts at ${clockTime(at, now)} unless it recovers by itself`;
  }
  if (reason === 'cancel_window') {
    const at = run.announcedAt === null ? wakeAt : run.announcedAt + (rule?.cancelWindowMs ?? 0);
    return `starts${at === null ? '' : ` at ${clockTime(at, now)}`} unless a person cancels it`;
  }
  const isTimed = reason !== null && TIMED_GATES.includes(reason);
  const until = isTimed && wakeAt !== null ? ` until ${clockTime(wakeAt, now)}` : '';
  return `held by ${reason ?? 'a gate'}${until}${why}`;
}

function waitsForPeople(run: Run, { approvals, now }: Surroundings): string {
  const open = approvals.find(({ runId, state }) => runId === run.id && state === 'open');
  if (open === undefined) return 'waits for an approval';
  const isLate = run.escalatedFor === 'approval_timeout';
  const who = open.count === 1 ? 'an approval' : `${open.count} approvals (${open.approvedBy.length} given)`;
  return `waits for ${who} until ${clockTime(isLate ? open.expiresAt : open.timeoutAt, now)}`;
}

function working(run: Run, steps: readonly StepRecord[]): string {
  const step = steps.find(({ runId, state, stage }) => runId === run.id && state === 'running' && stage !== 'children');
  if (run.reason !== null) return `waits (${run.reason}) to run ${step?.id ?? 'its next step'}`;
  const doing = step === undefined ? 'runs' : `runs ${step.id} (${step.uses})`;
  return run.ending === null ? doing : `${doing}, then ends: ${run.ending.outcome}`;
}

function isWatched({ firing, runId }: Line, runs: readonly Run[]): boolean {
  return firing > 0 && runs.find(({ id }) => id === runId)?.outcome === 'verified';
}

function watchText({ target, watchUntil }: Line, runs: readonly Run[], now: number): string {
  const isRecurred = runs.some((run) => run.target === target && run.recurred);
  const until = watchUntil === null ? '' : ` until ${clockTime(watchUntil, now)}`;
  return `${target}: ${isRecurred ? 'came back' : 'verified'}; waits${until} for its alerts to resolve`;
}

function nothingMore({ incident, lines, alerts }: IncidentDetail, rule: Rule | undefined): string {
  if (incident.firing === 0) return alerts.length === 0 ? 'nothing: a person closes it' : 'closes when it stays quiet';
  if (incident.acknowledgedBy !== null) return `nothing: ${incident.acknowledgedBy} has it`;
  if (incident.notifyOnly) return 'nothing: a person resolved the incident before it while its alerts fired';
  if (rule === undefined) return 'nothing: its rule is gone';
  if (rule.rungs.length === 0) return 'nothing: its rule only tells people';
  if (lines.length === 0)
    return 'nothing: what to fix cannot be told, as the target of its rule has no value; a person is needed';
  return 'nothing more by itself while the alert lasts: a person is needed';
}

/** e.g. `10:15:00 UTC`, on another day than today `2026-01-02 10:15:00 UTC`. */
function clockTime(at: number, now: number): string {
  const [day = '', time = ''] = new Date(at).toISOString().split('T');
  const isToday = new Date(now).toISOString().startsWith(day);
  return `${isToday ? '' : `${day} `}${time.slice(0, 8)} UTC`;
}
