import type { Run } from '../domain/state.ts';
import { withoutUndefined } from '../domain/without-undefined.ts';
import type { PipelineEvent } from '../pipeline/event.ts';
import type { PersonAct } from './rule-test.ts';
import type { TestDaemon } from './test-daemon.ts';

/** What a person does, as the pipeline takes it; a text says why it cannot be done at all. */
export async function personEvent(act: PersonAct, daemon: TestDaemon): Promise<PipelineEvent | string> {
  const { actor, definition, forMs } = act;
  const { reason, override, params, target } = definition;
  switch (act.act) {
    case 'pause':
      return { kind: 'pause', actor, ...withoutUndefined({ forMs, reason }) };
    case 'resume':
      return { kind: 'resume', actor };
    case 'rearm':
      return { kind: 'rearm', rule: definition.rearm ?? '', actor };
    case 'run':
      return { kind: 'run_by_hand', rule: definition.run ?? '', params: params ?? {}, actor, ...withoutUndefined({ target }) };
    case 'ack':
    case 'resolve':
    case 'escalate': {
      const subject = definition[act.act] ?? '';
      const incidentId = await findIncident(subject, daemon);
      if (incidentId === undefined) return `there is no incident of ${subject}`;
      if (act.act === 'ack') return { kind: 'acknowledge', incidentId, actor };
      return act.act === 'resolve'
        ? { kind: 'resolve', incidentId, actor }
        : { kind: 'escalate', incidentId, actor, ...withoutUndefined({ reason }) };
    }
    case 'approve':
    case 'reject':
    case 'cancel':
    case 'retry': {
      const subject = definition[act.act] ?? '';
      const run = await findRun(act.act, subject, daemon);
      if (run === undefined) return `there is no run of ${subject}`;
      const { incidentId, id: runId } = run;
      if (act.act === 'cancel') return { kind: 'cancel', incidentId, runId, actor };
      if (act.act !== 'retry') return { kind: act.act, incidentId, runId, actor, ...withoutUndefined({ reason }) };
      if (incidentId === null) return `run ${runId} of ${subject} has no incident`;
      return { kind: 'retry', incidentId, runId, actor, ...withoutUndefined({ override, reason }) };
    }
  }
}

/** The newest incident of a rule, or of the newest run for a target. */
async function findIncident(subject: string, daemon: TestDaemon): Promise<string | undefined> {
  const incident = (await daemon.incidents()).findLast(({ rule }) => rule === subject);
  if (incident !== undefined) return incident.id;
  return (
    (await daemon.runs()).findLast(({ target, incidentId }) => target === subject && incidentId !== null)?.incidentId ?? undefined
  );
}

/** The newest run of a rule or a target, or the one that waits at a step; live ones go first where something is to be answered or ended. */
async function findRun(
  act: 'approve' | 'reject' | 'cancel' | 'retry',
  subject: string,
  daemon: TestDaemon,
): Promise<Run | undefined> {
  const runs = (await daemon.runs()).toReversed();
  const named: Run[] = runs.filter(({ rule, target }) => rule === subject || target === subject);
  if (act === 'approve' || act === 'reject') {
    for (const run of runs) {
      if (run.state !== 'held' || named.includes(run)) continue;
      const question = (await daemon.runDetail(run.id))?.approvals.find(({ state }) => state === 'open');
      if (question !== undefined && stepIdOf(question.address) === subject) named.push(run);
    }
  }
  const live = named.find(({ state }) => state !== 'ended');
  return act === 'retry' ? named[0] : (live ?? named[0]);
}

/** `0:steps/others[2]/up` is step `up`. */
function stepIdOf(address: string): string {
  return (address.split('/').at(-1) ?? '').replace(/\[\d+\]$/, '');
}
