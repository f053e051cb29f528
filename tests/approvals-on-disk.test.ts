import type { Plan } from '../src/domain/remediation.ts';
import type { Approval, Run } from '../src/domain/state.ts';
import type { Actor, PipelineEffect } from '../src/pipeline/event.ts';
import { alertOf, payloadOf, startEdge, type Edge } from './handlers/edge.ts';
import { waitUntil } from './support/daemon-wait.ts';

const RULES = `
rules:
  - name: asks
    description: Restarts it when two people allow that.
    matchers: ['alertname = "Asks"']
    target: 'thing/{{ labels.name }}'
    mode: approve
    approval: { roles: [sre], count: 2, timeout: 15m, on_timeout: escalate }
    steps:
      - { id: first, uses: docker.restart_container, connection: local, with: { container: '{{ labels.name }}' } }
      - { id: second, uses: docker.restart_container, connection: local, with: { container: other } }
  - name: by-hand
    description: Restarts what a person names.
    manual: { roles: [sre] }
    params: { name: { type: string, required: true } }
    target: 'thing/{{ params.name }}'
    mode: auto
    steps: [{ id: flush, uses: redis.flush_db, connection: cache }]
playbooks:
  - name: flush
    steps: [{ id: flush, uses: redis.flush_db, connection: cache }]
`;

const bob: Actor = { person: 'bob', role: 'responder', roles: ['sre'], via: 'slack' };
const carol: Actor = { ...bob, person: 'carol' };

/** A plan as an executor makes it, with keys in an order that no store keeps. */
function planOf(container: string): Plan {
  return {
    summary: `restart ${container}`,
    identity: { id: 'abc', container, z: { b: 1, a: [1, 2] } },
    touches: [`docker:local/${container}`],
    data: null,
  };
}

let edge: Edge;
beforeEach(async () => {
  edge = await startEdge({ rules: RULES });
});
afterEach(() => edge.stop());

type StepEffect = Extract<PipelineEffect, { address: string }>;

/** Waits for the newest work of this kind. */
async function started(kind: StepEffect['kind'], count = 1): Promise<StepEffect> {
  const found = (): StepEffect[] =>
    edge.effects.filter((effect): effect is StepEffect => effect.kind === kind && 'address' in effect);
  return await waitUntil(`${count} ${kind}`, () => (found().length < count ? undefined : found().at(-1)));
}

async function plan(container: string, count = 1): Promise<void> {
  const { runId, address, attempt } = await started('plan', count);
  await edge.pipeline.report({ kind: 'planned', runId, address, attempt, plan: planOf(container) });
}

async function detail(runId: string): Promise<{ run: Run; approvals: readonly Approval[] }> {
  const found = await edge.store.runDetail(runId);
  if (found === undefined) throw new Error(`there is no run ${runId}`);
  return found;
}

/** An alert whose run waits for people; gives the run's id. */
async function asked(): Promise<string> {
  await edge.post(payloadOf([alertOf({ alertname: 'Asks', name: 'web' })]));
  await plan('web');
  const { runId, address, attempt } = await started('foresee');
  const second = {
    address: '0:steps/second',
    uses: 'docker.restart_container',
    connection: 'local',
    params: { container: 'other' },
    identity: planOf('other').identity,
    summary: 'restart other',
  };
  await edge.pipeline.report({ kind: 'foreseen', runId, address, attempt, steps: [second] });
  return runId;
}

test('an approval on disk allows what people were shown, and the steps that were foreseen', async () => {
  const runId = await asked();
  const { run, approvals } = await detail(runId);
  expect(run).toMatchObject({ state: 'held', reason: 'approval' });
  expect(approvals).toMatchObject([{ state: 'open', count: 2, roles: ['sre'], why: 'the rule is in mode approve' }]);
  const intentDigest = approvals[0]?.intentDigest ?? '';
  for (const [actor, text] of [
    [bob, '1 of 2'],
    [carol, '2 of 2'],
  ] as const) {
    const answer = await edge.pipeline.apply({ kind: 'approve', incidentId: null, runId, intentDigest, actor });
    expect(answer).toMatchObject({ ok: true, data: { run_id: runId, approvals: text } });
  }
  await plan('web', 2);
  const act = await started('act');
  await edge.pipeline.report({ kind: 'step_ended', ...placeOf(act), result: { output: {} } });
  await plan('other', 3);
  expect(await started('act', 2)).toMatchObject({ address: '0:steps/second' });
  expect(edge.faults).toEqual([]);
});

function placeOf({ runId, address, attempt }: StepEffect) {
  return { runId, address, attempt };
}

test('a question is void when its alerts resolve, and its run ends', async () => {
  const runId = await asked();
  const endsAt = new Date(Date.now()).toISOString();
  await edge.post(payloadOf([alertOf({ alertname: 'Asks', name: 'web' }, { status: 'resolved', endsAt })]));
  await waitUntil('the end of the run', async () => (await detail(runId)).run.endedAt ?? undefined);
  expect(await detail(runId)).toMatchObject({
    run: { outcome: 'self_resolved', reason: 'alerts_resolved' },
    approvals: [{ state: 'void', reason: 'its alerts have resolved' }],
  });
  expect(await edge.pipeline.apply({ kind: 'approve', incidentId: null, runId, actor: bob })).toMatchObject({
    ok: false,
    text: expect.stringContaining('void'),
  });
});

test('a run by hand claims its target, and asks another person in an incident of its own', async () => {
  const byHand = { kind: 'run_by_hand', rule: 'by-hand', params: { name: 'web' }, actor: bob } as const;
  expect(await edge.pipeline.apply(byHand)).toMatchObject({ ok: true, text: expect.stringContaining('for thing/web') });
  expect(await edge.pipeline.apply(byHand)).toMatchObject({ ok: false, code: 'conflict' });
  await plan('cache');
  const foresee = await started('foresee');
  await edge.pipeline.report({ kind: 'foreseen', ...placeOf(foresee), steps: [] });
  const { run, approvals } = await detail(foresee.runId);
  expect(run).toMatchObject({ state: 'held', reason: 'approval', trigger: 'manual', lineId: null });
  expect(approvals).toMatchObject([{ excluded: 'bob', incidentId: run.incidentId }]);
  const approve = { kind: 'approve', incidentId: run.incidentId } as const;
  expect(await edge.pipeline.apply({ ...approve, actor: bob })).toMatchObject({ ok: false, code: 'forbidden' });
  expect(await edge.pipeline.apply({ ...approve, actor: carol })).toMatchObject({ ok: true });
  await plan('cache', 2);
  await edge.pipeline.report({ kind: 'step_ended', ...placeOf(await started('act')), result: { output: {} } });
  const incident = await edge.store.incidentDetail(run.incidentId ?? '');
  expect(incident?.incident.status).toBe('resolved');
  expect(incident?.timeline.at(-1)).toMatchObject({ kind: 'resolved', text: 'resolved: its run ended well' });
  expect((await detail(run.id)).run.outcome).toBe('completed');
  expect(edge.faults).toEqual([]);
});

test('a playbook is not run by hand, for want of a target and of limits', async () => {
  const answer = await edge.pipeline.apply({ kind: 'run_by_hand', rule: 'flush', params: {}, actor: bob });
  expect(answer).toMatchObject({ ok: false, code: 'not_found', text: expect.stringContaining('flush is a playbook') });
});
