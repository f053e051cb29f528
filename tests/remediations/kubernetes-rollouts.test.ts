import type { Json } from '../../src/domain/json.ts';
import { rolloutRestart } from '../../src/remediations/kubernetes/rollout-restart.ts';
import { rolloutStatus } from '../../src/remediations/kubernetes/rollout-status.ts';
import { rolloutUndo } from '../../src/remediations/kubernetes/rollout-undo.ts';
import { NAMESPACE, startKubernetesWorld, workload, type KubernetesWorld } from '../support/kubernetes-world.ts';
import { at, dictAt, textAt } from '../support/servers/kubernetes/api-object.ts';
import { stepFailure } from '../support/step-failure.ts';

const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt';

let world: KubernetesWorld;

beforeAll(async () => {
  world = await startKubernetesWorld();
});
beforeEach(() => {
  world.server.controllers.mood = 'quick';
  world.server.controllers.isDeadlineMissed = false;
  world.server.fault = () => undefined;
});
afterAll(() => world.server.stop());

let names = 0;
/** A new Deployment of its own name. */
const deploy = (spec: Record<string, Json> = {}): string => {
  names += 1;
  world.deploy(`api-${names}`, spec);
  return `api-${names}`;
};
const imageOf = (kind: string, name: string): string => {
  const containers = at(world.server.get(kind, NAMESPACE, name), 'spec', 'template', 'spec', 'containers');
  return Array.isArray(containers) ? textAt(containers[0], 'image') : '';
};
const uidsOf = (name: string) =>
  world
    .podsOf(name)
    .map(({ metadata }) => metadata.uid)
    .sort();

describe('kubernetes.rollout_restart', () => {
  it('replaces the pods of a Deployment and says which generation that is', async () => {
    const deployment = deploy();
    const before = uidsOf(deployment);
    const planned = await world.plan(rolloutRestart, { deployment });
    expect(planned).toMatchObject({
      summary: `restart deployment core/${deployment}, 2 replicas`,
      touches: [`kubernetes:prod/core/deployment/${deployment}`],
      count: 1,
    });
    expect(uidsOf(deployment)).toEqual(before);

    const output = await world.run(rolloutRestart, planned);
    expect(output).toEqual({ workload: `deployment core/${deployment}`, restarted_at: expect.any(String), generation: 2 });
    const annotations = dictAt(
      world.server.get('Deployment', NAMESPACE, deployment),
      'spec',
      'template',
      'metadata',
      'annotations',
    );
    expect(annotations).toEqual({ [RESTARTED_AT]: output['restarted_at'] });
    expect(uidsOf(deployment)).toHaveLength(2);
    expect(uidsOf(deployment)).not.toEqual(expect.arrayContaining([before[0]]));
    expect(imageOf('Deployment', deployment)).toBe(`${deployment}:1`);
  });

  it.each(['StatefulSet', 'DaemonSet'])('restarts a %s', async (kind) => {
    const name = `restarted-${kind.toLowerCase()}`;
    world.server.create(kind, NAMESPACE, workload(name));
    const before = uidsOf(name);
    await world.do(rolloutRestart, { [kind.toLowerCase()]: name });
    expect(uidsOf(name)).toHaveLength(before.length);
    for (const uid of before) expect(uidsOf(name)).not.toContain(uid);
  });

  it('refuses what a restart would not restart', async () => {
    const paused = deploy({ paused: true });
    expect(await stepFailure(world.plan(rolloutRestart, { deployment: paused }))).toMatchObject({
      code: 'precondition_failed',
      message: expect.stringContaining('is paused'),
    });
    world.server.create('DaemonSet', NAMESPACE, workload('on-delete', { updateStrategy: { type: 'OnDelete' } }));
    expect(await stepFailure(world.plan(rolloutRestart, { daemonset: 'on-delete' }))).toMatchObject({
      code: 'precondition_failed',
      message: expect.stringContaining('OnDelete'),
    });
  });

  it.each([
    [{}, 'missing_value'],
    [{ deployment: 'a', daemonset: 'b' }, 'invalid_value'],
    [{ deployment: '../pods/x' }, 'invalid_value'],
    [{ deployment: 'Api' }, 'invalid_value'],
    [{ deployment: 'nothing' }, 'not_found'],
    [{ deployment: 'a', namespace: 'kube-system' }, 'not_allowed'],
  ])('refuses %j as %s', async (params, code) => {
    expect(await stepFailure(world.plan(rolloutRestart, params))).toMatchObject({ code, happened: 'nothing' });
  });

  it('does nothing when the Deployment was replaced or restarted since the plan', async () => {
    const deployment = deploy();
    const planned = await world.plan(rolloutRestart, { deployment });
    await world.do(rolloutRestart, { deployment });
    expect(await stepFailure(world.run(rolloutRestart, planned))).toMatchObject({
      code: 'precondition_failed',
      happened: 'nothing',
      message: expect.stringContaining('restarted by somebody else'),
    });
    const again = await world.plan(rolloutRestart, { deployment });
    world.server.remove('Deployment', NAMESPACE, deployment);
    world.deploy(deployment);
    expect(await stepFailure(world.run(rolloutRestart, again))).toMatchObject({
      code: 'precondition_failed',
      happened: 'nothing',
    });
  });

  it('tries again when a controller writes in between, with a new look', async () => {
    const deployment = deploy();
    const planned = await world.plan(rolloutRestart, { deployment });
    let writes = 0;
    world.server.fault = (request) => {
      if (request.startsWith('patch') && writes < 2) {
        writes += 1;
        world.server.set('Deployment', NAMESPACE, deployment, {
          status: { observedGeneration: 1, conditions: [], replicas: writes },
        });
      }
      return undefined;
    };
    await expect(world.run(rolloutRestart, planned)).resolves.toMatchObject({ generation: 2 });
    expect(writes).toBe(2);
  });

  it('looks whether a restart was made whose answer was lost', async () => {
    const deployment = deploy();
    const planned = await world.plan(rolloutRestart, { deployment });
    const context = world.context();
    expect(await rolloutRestart.look?.(planned, Date.now(), context)).toMatchObject({ state: 'wait' });
    expect(await rolloutRestart.look?.(planned, Date.now() - 120_000, context)).toEqual({ state: 'not_done' });

    world.server.fault = (request) => (request.startsWith('patch') ? 'lose' : undefined);
    expect(await stepFailure(world.run(rolloutRestart, planned))).toMatchObject({ code: 'unavailable', happened: 'unknown' });
    expect(await rolloutRestart.look?.(planned, Date.now(), context)).toMatchObject({ state: 'done', output: { generation: 2 } });

    await world.do(rolloutRestart, { deployment }).catch(() => undefined);
    expect(await rolloutRestart.look?.(planned, Date.now(), context)).toEqual({ state: 'unknown' });
  });
});

describe('kubernetes.rollout_undo', () => {
  it('puts the previous revision of a Deployment back, or a given one', async () => {
    const deployment = deploy();
    for (const image of ['api:2', 'api:3']) world.release(deployment, image);
    const planned = await world.plan(rolloutUndo, { deployment });
    expect(planned).toMatchObject({
      summary: `roll deployment core/${deployment} back from revision 3 to 2`,
      identity: { name: deployment, to_revision: 2 },
    });
    expect(await world.run(rolloutUndo, planned)).toEqual({
      workload: `deployment core/${deployment}`,
      from_revision: 3,
      to_revision: 2,
      generation: 4,
    });
    expect(imageOf('Deployment', deployment)).toBe('api:2');
    await world.do(rolloutUndo, { deployment, to_revision: 1 });
    expect(imageOf('Deployment', deployment)).toBe(`${deployment}:1`);
  });

  it('takes away what only the newer template has', async () => {
    const deployment = deploy();
    await world.do(rolloutRestart, { deployment });
    await world.do(rolloutUndo, { deployment });
    const template = dictAt(world.server.get('Deployment', NAMESPACE, deployment), 'spec', 'template');
    expect(template['metadata']).toEqual({ labels: { app: deployment } });
  });

  it.each(['StatefulSet', 'DaemonSet'])('rolls a %s back by its ControllerRevisions', async (kind) => {
    const name = `undone-${kind.toLowerCase()}`;
    world.server.create(kind, NAMESPACE, workload(name));
    world.server.set(kind, NAMESPACE, name, { spec: workload(name, {}, 'new:2')['spec'] });
    const output = await world.do(rolloutUndo, { [kind.toLowerCase()]: name });
    expect(output).toMatchObject({ from_revision: 2, to_revision: 1 });
    expect(imageOf(kind, name)).toBe(`${name}:1`);
  });

  it('refuses where there is nothing to go back to', async () => {
    const deployment = deploy();
    expect(await stepFailure(world.plan(rolloutUndo, { deployment }))).toMatchObject({
      code: 'not_found',
      message: `deployment core/${deployment} has no revision to go back to; kept are: 1`,
    });
    expect(await stepFailure(world.plan(rolloutUndo, { deployment, to_revision: 7 }))).toMatchObject({ code: 'not_found' });
    expect(await stepFailure(world.plan(rolloutUndo, { deployment, to_revision: 1 }))).toMatchObject({
      code: 'precondition_failed',
      message: expect.stringContaining('nothing to undo'),
    });
    expect(await stepFailure(world.plan(rolloutUndo, { deployment: deploy({ paused: true }) }))).toMatchObject({
      code: 'precondition_failed',
      message: expect.stringContaining('is paused'),
    });
  });

  it('leaves ReplicaSets of others alone', async () => {
    const deployment = deploy();
    const [own] = world.server.list('ReplicaSet', NAMESPACE).filter(({ metadata }) => metadata.labels?.['app'] === deployment);
    world.server.create('ReplicaSet', NAMESPACE, {
      ...own,
      metadata: {
        name: `stray-${deployment}`,
        labels: { app: deployment },
        annotations: { 'deployment.kubernetes.io/revision': '9' },
      },
    });
    expect(await stepFailure(world.plan(rolloutUndo, { deployment }))).toMatchObject({ code: 'not_found' });
  });

  it('does nothing when the Deployment was changed since the plan', async () => {
    const deployment = deploy();
    world.release(deployment, 'api:2');
    const planned = await world.plan(rolloutUndo, { deployment });
    world.release(deployment, 'api:3');
    expect(await stepFailure(world.run(rolloutUndo, planned))).toMatchObject({
      code: 'precondition_failed',
      happened: 'nothing',
    });
    expect(imageOf('Deployment', deployment)).toBe('api:3');
  });

  it('looks whether it was done whose answer was lost', async () => {
    const deployment = deploy();
    world.release(deployment, 'api:2');
    const planned = await world.plan(rolloutUndo, { deployment });
    world.server.fault = (request) => (request.startsWith('patch') ? 'lose' : undefined);
    expect(await stepFailure(world.run(rolloutUndo, planned))).toMatchObject({ happened: 'unknown' });
    expect(await rolloutUndo.look?.(planned, Date.now(), world.context())).toMatchObject({
      state: 'done',
      output: { from_revision: 2, to_revision: 1, generation: 3 },
    });
    world.release(deployment, 'api:4');
    expect(await rolloutUndo.look?.(planned, Date.now(), world.context())).toEqual({ state: 'unknown' });
  });
});

describe('kubernetes.rollout_status', () => {
  it('follows a rollout that goes well', async () => {
    const deployment = deploy();
    expect(await world.do(rolloutStatus, { deployment })).toEqual({
      complete: true,
      stuck: false,
      paused: false,
      updated: 2,
      ready: 2,
      desired: 2,
      message: 'rolled out',
    });
  });

  it('says what a rollout waits for, and that it is stuck once its deadline has passed', async () => {
    const deployment = deploy();
    world.server.controllers.mood = 'stalled';
    world.release(deployment, 'broken:2');
    expect(await world.do(rolloutStatus, { deployment })).toMatchObject({
      complete: false,
      stuck: false,
      updated: 1,
      ready: 2,
      desired: 2,
      message: '1 of 2 new pods were made',
    });
    world.server.controllers.isDeadlineMissed = true;
    world.server.controllers.reconcile();
    expect(await world.do(rolloutStatus, { deployment })).toMatchObject({
      complete: false,
      stuck: true,
      message: `Deployment "${deployment}" has timed out progressing.`,
    });
  });

  it.each([
    [{ observedGeneration: 0 }, 'the change was not seen by its controller yet'],
    [{ observedGeneration: 1, replicas: 3, updatedReplicas: 2, availableReplicas: 2 }, '1 old pods are still there'],
    [{ observedGeneration: 1, replicas: 2, updatedReplicas: 2, availableReplicas: 1 }, '1 of 2 new pods are available'],
  ])('is not complete with the status %j', async (status, message) => {
    const deployment = deploy();
    world.server.freeze('Deployment', NAMESPACE, deployment, { status });
    expect(await world.do(rolloutStatus, { deployment })).toMatchObject({ complete: false, stuck: false, message });
  });

  it.each([
    [{ observedGeneration: 1, readyReplicas: 1 }, {}, '1 of 2 pods are ready'],
    [
      { observedGeneration: 1, readyReplicas: 2, updatedReplicas: 1, updateRevision: 'b', currentRevision: 'a' },
      {},
      '1 of 2 pods',
    ],
    [{ observedGeneration: 1, readyReplicas: 2 }, { updateStrategy: { rollingUpdate: { partition: 1 } } }, '0 of 1 pods behind'],
  ])('is not complete for a StatefulSet with the status %j', async (status, spec, message) => {
    names += 1;
    const name = `db-${names}`;
    world.server.create('StatefulSet', NAMESPACE, workload(name, spec));
    world.server.freeze('StatefulSet', NAMESPACE, name, { status });
    expect(await world.do(rolloutStatus, { statefulset: name })).toMatchObject({
      complete: false,
      message: expect.stringContaining(message),
    });
  });

  it('reads a DaemonSet, and refuses one that has no rollouts', async () => {
    world.server.create('DaemonSet', NAMESPACE, workload('agent'));
    expect(await world.do(rolloutStatus, { daemonset: 'agent' })).toMatchObject({ complete: true, desired: 1, ready: 1 });
    const status = { observedGeneration: 1, desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 2 };
    world.server.freeze('DaemonSet', NAMESPACE, 'agent', { status });
    expect(await world.do(rolloutStatus, { daemonset: 'agent' })).toMatchObject({ message: '2 of 3 new pods are available' });
    world.server.create('DaemonSet', NAMESPACE, workload('still', { updateStrategy: { type: 'OnDelete' } }));
    expect(await stepFailure(world.do(rolloutStatus, { daemonset: 'still' }))).toMatchObject({ code: 'precondition_failed' });
  });
});
