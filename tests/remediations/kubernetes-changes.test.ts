import { hostname } from 'node:os';
import type { Json } from '../../src/domain/json.ts';
import { cordonNode } from '../../src/remediations/kubernetes/cordon-node.ts';
import { deletePod } from '../../src/remediations/kubernetes/delete-pod.ts';
import { rolloutRestart } from '../../src/remediations/kubernetes/rollout-restart.ts';
import { rolloutUndo } from '../../src/remediations/kubernetes/rollout-undo.ts';
import { scaleDeployment } from '../../src/remediations/kubernetes/scale-deployment.ts';
import { signalProcess } from '../../src/remediations/kubernetes/signal-process.ts';
import { uncordonNode } from '../../src/remediations/kubernetes/uncordon-node.ts';
import { EVERYTHING, NAMESPACE, startKubernetesWorld, type KubernetesWorld } from '../support/kubernetes-world.ts';
import { at, numberAt } from '../support/servers/kubernetes/api-object.ts';
import type { ExecRequest } from '../support/servers/kubernetes/start-kubernetes.ts';
import { stepFailure } from '../support/step-failure.ts';

let world: KubernetesWorld;
let names = 0;

beforeAll(async () => {
  world = await startKubernetesWorld();
});
beforeEach(() => {
  world.server.fault = () => undefined;
  world.server.exec = () => ({ exit: 0 });
});
afterAll(() => world.server.stop());

const deploy = (replicas = 2): string => {
  names += 1;
  world.deploy(`web-${names}`, { replicas });
  return `web-${names}`;
};
const podOf = (name: string): string => world.podsOf(name)[0]?.metadata.name ?? '';
const replicasOf = (name: string): number => numberAt(world.server.get('Deployment', NAMESPACE, name), 'spec', 'replicas');

describe('kubernetes.scale_deployment', () => {
  it('sets a number of replicas', async () => {
    const deployment = deploy();
    const planned = await world.plan(scaleDeployment, { deployment, to: 5 });
    expect(planned).toMatchObject({
      summary: `scale deployment core/${deployment} from 2 to 5 replicas (to 5)`,
      touches: [`kubernetes:prod/core/deployment/${deployment}`],
      identity: { name: deployment, to: 5, by: null },
    });
    expect(await world.run(scaleDeployment, planned)).toEqual({ deployment: `deployment core/${deployment}`, from: 2, to: 5 });
    expect(world.podsOf(deployment)).toHaveLength(5);
  });

  it.each([
    [3, { by: 1, min: 3, max: 10 }, 4],
    [9, { by: 5, min: 3, max: 10 }, 10],
    [2, { by: 1, min: 4, max: 10 }, 4],
    [4, { by: -3, min: 2, max: 10 }, 2],
    [3, { to: 3 }, 3],
    [3, { to: 0 }, 0],
    [0, { to: 2, min: 1, max: 5 }, 2],
  ])('scales %d replicas with %j to %d', async (replicas, params, to) => {
    const deployment = deploy(replicas);
    expect(await world.do(scaleDeployment, { deployment, ...params })).toMatchObject({ from: replicas, to });
    expect(replicasOf(deployment)).toBe(to);
  });

  it.each([
    [10, { by: 1, min: 3, max: 10 }, 'over_limit'],
    [12, { by: 1, min: 3, max: 10 }, 'over_limit'],
    [3, { by: -1, min: 3, max: 10 }, 'over_limit'],
    [1, { by: -1, min: 3, max: 10 }, 'over_limit'],
    [0, { by: 1, min: 1, max: 10 }, 'precondition_failed'],
    [2, { by: 0, min: 1, max: 10 }, 'invalid_value'],
    [2, { by: 1, max: 10 }, 'missing_value'],
    [2, { by: 1, min: 1 }, 'missing_value'],
    [2, {}, 'missing_value'],
    [2, { by: 1, to: 3, min: 1, max: 9 }, 'invalid_value'],
    [2, { to: 20, min: 1, max: 9 }, 'invalid_value'],
    [2, { to: 2, min: 9, max: 1 }, 'invalid_value'],
    [2, { to: 3, namespace: 'kube-system' }, 'not_allowed'],
  ])('refuses to scale %d replicas with %j: %s', async (replicas, params, code) => {
    const deployment = deploy(replicas);
    expect(await stepFailure(world.plan(scaleDeployment, { deployment, ...params }))).toMatchObject({
      code,
      happened: 'nothing',
    });
    expect(replicasOf(deployment)).toBe(replicas);
  });

  it('refuses a Deployment that an autoscaler scales, and names it', async () => {
    const deployment = deploy();
    world.server.create('HorizontalPodAutoscaler', NAMESPACE, {
      metadata: { name: `hpa-of-${deployment}` },
      spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: deployment } },
    });
    expect(await stepFailure(world.plan(scaleDeployment, { deployment, to: 3 }))).toMatchObject({
      code: 'precondition_failed',
      message: expect.stringContaining(`HorizontalPodAutoscaler "hpa-of-${deployment}"`),
    });
  });

  it('does nothing when somebody scaled since the plan, also in the last moment', async () => {
    const deployment = deploy();
    const planned = await world.plan(scaleDeployment, { deployment, to: 5 });
    await world.do(scaleDeployment, { deployment, to: 3 });
    expect(await stepFailure(world.run(scaleDeployment, planned))).toMatchObject({
      code: 'precondition_failed',
      happened: 'nothing',
      message: expect.stringContaining('was scaled to 3'),
    });
    const again = await world.plan(scaleDeployment, { deployment, to: 5 });
    world.server.fault = (request) => {
      if (request.startsWith('update deployments/scale')) {
        const spec = at(world.server.get('Deployment', NAMESPACE, deployment), 'spec');
        world.server.set('Deployment', NAMESPACE, deployment, { spec: { ...Object(spec), replicas: 7 } });
      }
      return undefined;
    };
    expect(await stepFailure(world.run(scaleDeployment, again))).toMatchObject({
      code: 'precondition_failed',
      happened: 'nothing',
    });
    expect(replicasOf(deployment)).toBe(7);
  });

  it('looks whether it was scaled when the answer was lost', async () => {
    const deployment = deploy();
    const planned = await world.plan(scaleDeployment, { deployment, to: 4 });
    expect(await scaleDeployment.look?.(planned, Date.now(), world.context())).toMatchObject({ state: 'wait' });
    world.server.fault = (request) => (request.startsWith('update') ? 'lose' : undefined);
    expect(await stepFailure(world.run(scaleDeployment, planned))).toMatchObject({ code: 'unavailable', happened: 'unknown' });
    expect(await scaleDeployment.look?.(planned, Date.now(), world.context())).toMatchObject({
      state: 'done',
      output: { to: 4 },
    });
    world.server.fault = () => undefined;
    await world.do(scaleDeployment, { deployment, to: 9 });
    expect(await scaleDeployment.look?.(planned, Date.now(), world.context())).toEqual({ state: 'unknown' });
  });

  it.each<[Record<string, Json>, string]>([
    [{ to: 0 }, 'destructive'],
    [{ to: 1 }, 'change'],
    [{ by: -1, min: 0, max: 3 }, 'destructive'],
    [{ by: -1, min: 1, max: 3 }, 'change'],
    [{ by: 1, min: 0, max: 3 }, 'change'],
    [{}, 'change'],
  ])('with %j is %s', (params, effect) => {
    expect(scaleDeployment.effect(params)).toBe(effect);
  });
});

describe('kubernetes.delete_pod', () => {
  it('deletes one pod, which its ReplicaSet replaces', async () => {
    const deployment = deploy();
    const pod = podOf(deployment);
    const planned = await world.plan(deletePod, { pod });
    expect(planned).toMatchObject({ touches: [`kubernetes:prod/core/pod/${pod}`], count: 1 });
    const output = await world.run(deletePod, planned);
    expect(output).toMatchObject({ pod, owner: expect.stringMatching(/^ReplicaSet web-/), node: 'worker-1' });
    expect(world.podsOf(deployment)).toHaveLength(2);
    expect(world.podsOf(deployment).map(({ metadata }) => metadata.name)).not.toContain(pod);
    expect(await deletePod.look?.(planned, Date.now(), world.context())).toEqual({ state: 'done', output });
  });

  it('refuses a pod that would not come back, and one that goes already', async () => {
    const pod = { spec: { containers: [{ name: 'x' }] }, status: {} };
    world.server.create('Pod', NAMESPACE, { metadata: { name: 'bare' }, ...pod });
    const owner = { apiVersion: 'v1', kind: 'Node', name: 'worker-1', uid: 'u', controller: true };
    world.server.create('Pod', NAMESPACE, { metadata: { name: 'static', ownerReferences: [owner] }, ...pod });
    const going = { name: 'going', ownerReferences: [{ ...owner, kind: 'Job' }], deletionTimestamp: new Date().toISOString() };
    world.server.create('Pod', NAMESPACE, { metadata: going, ...pod });
    for (const [name, why] of Object.entries({ bare: 'no controller', static: 'static pod', going: 'being deleted already' })) {
      expect(await stepFailure(world.plan(deletePod, { pod: name }))).toMatchObject({
        code: 'precondition_failed',
        message: expect.stringContaining(why),
      });
    }
    expect(await stepFailure(world.plan(deletePod, { pod: 'nothing' }))).toMatchObject({ code: 'not_found' });
  });

  it('deletes only the pod that was planned, also when it is replaced in the last moment', async () => {
    const deployment = deploy();
    const pod = podOf(deployment);
    const planned = await world.plan(deletePod, { pod });
    const replace = (): void => {
      const { metadata, ...rest } = world.server.get('Pod', NAMESPACE, pod);
      world.server.replace('Pod', NAMESPACE, { ...rest, metadata: { ...metadata, uid: `another-${names}` } });
    };
    world.server.fault = (request) => {
      if (request.startsWith('delete')) replace();
      return undefined;
    };
    expect(await stepFailure(world.run(deletePod, planned))).toMatchObject({ code: 'precondition_failed', happened: 'nothing' });
    expect(await stepFailure(world.run(deletePod, planned))).toMatchObject({
      code: 'precondition_failed',
      message: expect.stringContaining('was replaced by another'),
    });
    expect(podOf(deployment)).not.toBe('');
  });
});

describe('kubernetes.cordon_node', () => {
  it('keeps new pods off a node, and lets them back', async () => {
    world.server.create('Node', undefined, { metadata: { name: 'worker-1' }, spec: { podCIDR: '10.0.0.0/24' }, status: {} });
    const planned = await world.plan(cordonNode, { node: 'worker-1' });
    expect(planned).toMatchObject({
      summary: 'cordon node worker-1, which takes new pods',
      touches: ['kubernetes:prod/node/worker-1'],
    });
    expect(await world.run(cordonNode, planned)).toEqual({ node: 'worker-1', changed: true });
    expect(await world.run(cordonNode, planned)).toEqual({ node: 'worker-1', changed: false });
    expect(world.server.get('Node', undefined, 'worker-1')['spec']).toEqual({ podCIDR: '10.0.0.0/24', unschedulable: true });
    expect(await world.do(uncordonNode, { node: 'worker-1' })).toEqual({ node: 'worker-1', changed: true });
    expect(world.server.get('Node', undefined, 'worker-1')['spec']).toEqual({ podCIDR: '10.0.0.0/24', unschedulable: false });
  });

  it.each(['control-plane', 'worker', 'xworker-1'])('refuses node %s, which allow_nodes does not name', async (node) => {
    expect(await stepFailure(world.plan(cordonNode, { node }))).toMatchObject({ code: 'not_allowed', happened: 'nothing' });
  });

  it('takes a dot of allow_nodes for a dot, and refuses every node without allow_nodes', async () => {
    const dotted = world.context({}, world.connect(EVERYTHING, { allowNodes: ['worker.1'] }));
    expect(await stepFailure(world.plan(cordonNode, { node: 'workerx1' }, dotted))).toMatchObject({ code: 'not_allowed' });
    const none = world.context({}, world.connect(EVERYTHING, { allowNodes: [] }));
    expect(await stepFailure(world.plan(cordonNode, { node: 'worker-1' }, none))).toMatchObject({ code: 'not_allowed' });
  });
});

describe('kubernetes.signal_process', () => {
  it('runs kill in the container, without a shell', async () => {
    const deployment = deploy(1);
    const pod = podOf(deployment);
    const asked: ExecRequest[] = [];
    world.server.exec = (request) => {
      asked.push(request);
      return { exit: 0 };
    };
    const planned = await world.plan(signalProcess, { pod, signal: 'USR2' });
    expect(planned.summary).toBe(`send SIGUSR2 to process 1 in container ${deployment} of pod core/${pod}`);
    expect(asked).toEqual([]);
    expect(await world.run(signalProcess, planned)).toEqual({ pod, container: deployment, signal: 'USR2', pid: 1 });
    expect(asked).toEqual([{ namespace: NAMESPACE, pod, container: deployment, argv: ['kill', '-s', 'USR2', '1'] }]);
  });

  it('asks the shell where the image has no kill, with the values as arguments', async () => {
    const pod = podOf(deploy(1));
    const asked: (readonly string[])[] = [];
    world.server.exec = ({ argv }) => {
      asked.push(argv);
      return { exit: argv[0] === 'sh' ? 0 : 'missing' };
    };
    await world.do(signalProcess, { pod, signal: 'HUP', pid: 7 });
    expect(asked.at(-1)).toEqual(['sh', '-c', 'kill -s "$1" "$2"', 'sh', 'HUP', '7']);
  });

  it('fails when the signal was not sent', async () => {
    const pod = podOf(deploy(1));
    world.server.exec = () => ({ exit: 1, stderr: 'kill: (7): No such process\n' });
    expect(await stepFailure(world.do(signalProcess, { pod, signal: 'HUP', pid: 7 }))).toMatchObject({
      code: 'rejected',
      happened: 'nothing',
      message: expect.stringContaining('No such process'),
    });
    world.server.exec = () => ({ exit: 'missing' });
    expect(await stepFailure(world.do(signalProcess, { pod, signal: 'HUP' }))).toMatchObject({
      code: 'rejected',
      message: expect.stringContaining('neither kill nor sh'),
    });
  });

  it('does nothing when the container was restarted since the plan, or does not run', async () => {
    const pod = podOf(deploy(1));
    const planned = await world.plan(signalProcess, { pod, signal: 'USR2' });
    const status = at(world.server.get('Pod', NAMESPACE, pod), 'status');
    const [container] = [at(status, 'containerStatuses')].flat();
    const restarted = { ...Object(container), containerID: 'containerd://another' };
    world.server.freeze('Pod', NAMESPACE, pod, { status: { ...Object(status), containerStatuses: [restarted] } });
    expect(await stepFailure(world.run(signalProcess, planned))).toMatchObject({
      code: 'precondition_failed',
      happened: 'nothing',
    });
    const waiting = { ...Object(container), state: { waiting: { reason: 'CrashLoopBackOff' } } };
    world.server.freeze('Pod', NAMESPACE, pod, { status: { ...Object(status), containerStatuses: [waiting] } });
    expect(await stepFailure(world.plan(signalProcess, { pod, signal: 'USR2' }))).toMatchObject({
      code: 'precondition_failed',
      message: expect.stringContaining('does not run'),
    });
  });

  it('does not know what became of a signal when it has to stop waiting', async () => {
    const pod = podOf(deploy(1));
    const controller = new AbortController();
    world.server.exec = () => ({ exit: 'never' });
    const planned = await world.plan(signalProcess, { pod, signal: 'USR2' });
    const failure = stepFailure(world.run(signalProcess, planned, world.context({ signal: controller.signal })));
    await world.server.nextExecOpen();
    controller.abort();
    expect(await failure).toMatchObject({ code: 'aborted', happened: 'unknown' });
  });

  it.each([
    [504, 'unknown'],
    [503, 'unknown'],
    [500, 'nothing'],
  ])('knows of a status %d in place of a socket what it may hide', async (status, happened) => {
    const pod = podOf(deploy(1));
    const planned = await world.plan(signalProcess, { pod, signal: 'USR2' });
    world.server.fault = (request) => (request.includes('pods/exec') ? status : undefined);
    expect(await stepFailure(world.run(signalProcess, planned))).toMatchObject({ code: 'unavailable', happened });
  });
});

describe('what remedyd runs in', () => {
  it('is never deleted, signalled, restarted, rolled back or scaled', async () => {
    const deployment = deploy(1);
    const [pod] = world.podsOf(deployment);
    if (pod === undefined) throw new Error('nothing was deployed');
    const name = hostname().toLowerCase();
    const { metadata, ...rest } = pod;
    world.server.replace('Pod', NAMESPACE, { ...rest, metadata: { ...metadata, name } });
    for (const [remediation, params] of [
      [deletePod, { pod: name }],
      [signalProcess, { pod: name, signal: 'TERM' }],
      [rolloutRestart, { deployment }],
      [scaleDeployment, { deployment, to: 3 }],
    ] as const) {
      expect(await stepFailure(world.plan(remediation, params))).toMatchObject({ code: 'self_harm', happened: 'nothing' });
    }
    world.release(deployment, 'web:2');
    world.server.replace('Pod', NAMESPACE, { ...rest, metadata: { ...metadata, name } });
    expect(await stepFailure(world.plan(rolloutUndo, { deployment }))).toMatchObject({ code: 'self_harm' });
    const other = deploy(1);
    await expect(world.do(rolloutRestart, { deployment: other })).resolves.toMatchObject({
      workload: `deployment core/${other}`,
    });
  });
});
