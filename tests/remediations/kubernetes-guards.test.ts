import type { Json } from '../../src/domain/json.ts';
import type { AnyRemediation, StepError } from '../../src/domain/remediation.ts';
import { cordonNode } from '../../src/remediations/kubernetes/cordon-node.ts';
import { deletePod } from '../../src/remediations/kubernetes/delete-pod.ts';
import { kubernetesRemediations } from '../../src/remediations/kubernetes/index.ts';
import { rolloutRestart } from '../../src/remediations/kubernetes/rollout-restart.ts';
import { rolloutStatus } from '../../src/remediations/kubernetes/rollout-status.ts';
import { rolloutUndo } from '../../src/remediations/kubernetes/rollout-undo.ts';
import { scaleDeployment } from '../../src/remediations/kubernetes/scale-deployment.ts';
import { signalProcess } from '../../src/remediations/kubernetes/signal-process.ts';
import { uncordonNode } from '../../src/remediations/kubernetes/uncordon-node.ts';
import { EVERYTHING, NAMESPACE, startKubernetesWorld, workload, type KubernetesWorld } from '../support/kubernetes-world.ts';
import type { ApiObject } from '../support/servers/kubernetes/api-object.ts';
import type { AccessRule } from '../support/servers/kubernetes/access-rules.ts';
import { stepFailure } from '../support/step-failure.ts';

// Nothing here gets as far as to change it.
const DEPLOYMENT = 'guarded';

type Params = Readonly<Record<string, Json>>;

interface Call {
  /** `NAME` stands for a Deployment that has two revisions, `POD` for its pod. */
  readonly params: Params;
  /** The request that does it. */
  readonly request: RegExp;
}

const CALLS: Readonly<Record<string, Call>> = {
  'kubernetes.rollout_restart': { params: { deployment: 'NAME' }, request: /^patch deployments / },
  'kubernetes.rollout_undo': { params: { deployment: 'NAME' }, request: /^patch deployments / },
  'kubernetes.rollout_status': { params: { deployment: 'NAME' }, request: /^get deployments / },
  'kubernetes.scale_deployment': { params: { deployment: 'NAME', to: 3 }, request: /^update deployments\/scale / },
  'kubernetes.delete_pod': { params: { pod: 'POD' }, request: /^delete pods / },
  'kubernetes.pod_logs': { params: { pod: 'POD' }, request: /^get pods\/log / },
  'kubernetes.events': { params: { object: 'pod/POD' }, request: /^list events/ },
  'kubernetes.describe_pod': { params: { pod: 'POD' }, request: /^list events/ },
  'kubernetes.pod_usage': { params: { deployment: 'NAME' }, request: /^list pods/ },
  'kubernetes.cordon_node': { params: { node: 'worker-1' }, request: /^patch nodes / },
  'kubernetes.uncordon_node': { params: { node: 'worker-1' }, request: /^patch nodes / },
  'kubernetes.get_config_map': { params: { name: 'settings' }, request: /^get configmaps / },
  'kubernetes.signal_process': { params: { pod: 'POD', signal: 'HUP' }, request: /^get pods\/exec / },
  'kubernetes.find_files': { params: { pod: 'POD', match: '/app/*' }, request: /^get pods\/exec / },
};

const byName = (remediations: readonly AnyRemediation[]) =>
  remediations.map((remediation) => [remediation.name, remediation] as const);

let world: KubernetesWorld;

beforeAll(async () => {
  world = await startKubernetesWorld();
  world.server.create('Node', undefined, { metadata: { name: 'worker-1' }, spec: {}, status: {} });
  world.server.create('ConfigMap', NAMESPACE, { metadata: { name: 'settings' }, data: { A: 'b' } });
  world.deploy(DEPLOYMENT, { replicas: 1 });
  world.release(DEPLOYMENT, 'guarded:2');
});
beforeEach(() => {
  world.server.fault = () => undefined;
});
afterAll(() => world.server.stop());

const podName = (): string => world.podsOf(DEPLOYMENT)[0]?.metadata.name ?? '';
const paramsOf = (name: string): Params => {
  const text = JSON.stringify(CALLS[name]?.params ?? {});
  return JSON.parse(text.replaceAll('NAME', DEPLOYMENT).replaceAll('POD', podName())) as Params;
};

describe.each(byName(kubernetesRemediations))('%s', (name, remediation) => {
  it.each([
    ['aborted', undefined],
    ['timeout', new DOMException('time is up', 'TimeoutError')],
  ])('is stopped in the middle of its work: %s', async (code, reason) => {
    const planned = await world.plan(remediation, paramsOf(name));
    const controller = new AbortController();
    world.server.fault = (request) => {
      if (CALLS[name]?.request.test(request) !== true) return undefined;
      controller.abort(reason);
      return 'hang';
    };
    const failure = await stepFailure(world.run(remediation, planned, world.context({ signal: controller.signal })));
    const happened = remediation.effect(paramsOf(name)) === 'read' ? 'nothing' : 'unknown';
    expect(failure).toMatchObject({ code, happened });
  });

  if ('namespace' in remediation.params) {
    it('asks nothing of a namespace that its connection does not name', async () => {
      const params = paramsOf(name);
      const before = world.server.requests.length;
      const refusal = { code: 'not_allowed', happened: 'nothing', message: expect.stringContaining('kube-system') };
      expect(await stepFailure(world.plan(remediation, { ...params, namespace: 'kube-system' }))).toMatchObject(refusal);
      const several = world.context({}, world.connect(EVERYTHING, { namespaces: [NAMESPACE, 'other'] }));
      expect(await stepFailure(world.plan(remediation, params, several))).toMatchObject({ code: 'missing_value' });
      expect(world.server.requests.slice(before)).toEqual([]);
    });
  }
});

describe('what was planned and is another one by now', () => {
  const ACTING = /^(?:patch|update|delete)|exec/;
  const replace = (kind: string, namespace: string | undefined, name: string, metadata: Partial<ApiObject['metadata']>): void => {
    const { metadata: before, ...rest } = world.server.get(kind, namespace, name);
    world.server.replace(kind, namespace, { ...rest, metadata: { ...before, ...metadata } });
  };
  const refusal = async (remediation: AnyRemediation, params: Params, change: () => void): Promise<StepError> => {
    const planned = await world.plan(remediation, params);
    change();
    const before = world.server.requests.length;
    const failure = await stepFailure(world.run(remediation, planned));
    expect(failure).toMatchObject({ code: 'precondition_failed', happened: 'nothing' });
    expect(world.server.requests.slice(before).filter((request) => ACTING.test(request))).toEqual([]);
    return failure;
  };

  it.each(byName([cordonNode, uncordonNode]))('is left alone by %s', async (name, remediation) => {
    const replaceNode = () => replace('Node', undefined, 'worker-1', { uid: `after-${name}` });
    expect((await refusal(remediation, { node: 'worker-1' }, replaceNode)).message).toContain('was replaced');
  });

  it.each<readonly [string, AnyRemediation, Params]>([
    [rolloutRestart.name, rolloutRestart, {}],
    [rolloutUndo.name, rolloutUndo, {}],
    [scaleDeployment.name, scaleDeployment, { to: 3 }],
  ])('is left alone by %s', async (name, remediation, params) => {
    const deployment = name.replace(/.*[._]/, 'replaced-');
    world.deploy(deployment, { replicas: 1 });
    world.release(deployment, 'replaced:2');
    const replaceIt = () => replace('Deployment', NAMESPACE, deployment, { uid: `after-${name}` });
    expect((await refusal(remediation, { deployment, ...params }, replaceIt)).message).toContain('since the plan');
  });

  it('is not signalled', async () => {
    const replacePod = () => replace('Pod', NAMESPACE, podName(), { uid: 'after-signal' });
    expect((await refusal(signalProcess, paramsOf(signalProcess.name), replacePod)).message).toContain('was replaced');
  });

  it('is not deleted once nothing would bring it back', async () => {
    const orphan = () => replace('Pod', NAMESPACE, podName(), { ownerReferences: [] });
    expect((await refusal(deletePod, paramsOf(deletePod.name), orphan)).message).toContain('no controller');
  });

  it('is not restarted once it is paused', async () => {
    world.deploy('paused-since', { replicas: 1 });
    const { spec } = workload('paused-since', { replicas: 1, paused: true });
    const pause = () => void world.server.set('Deployment', NAMESPACE, 'paused-since', { spec });
    expect((await refusal(rolloutRestart, { deployment: 'paused-since' }, pause)).message).toContain('is paused');
  });
});

const SELECTORS = ['deployment', 'statefulset', 'daemonset', 'pod', 'node', 'name'];
const selections = kubernetesRemediations.flatMap((remediation) =>
  SELECTORS.filter((each) => each in remediation.params).map((selector) => [selector, remediation.name, remediation] as const),
);

describe.each(selections)('the %s of %s', (selector, name, remediation) => {
  const planWith = (value: Json) => {
    const others = Object.entries(paramsOf(name)).filter(([each]) => !SELECTORS.includes(each));
    return world.plan(remediation, { ...Object.fromEntries(others), [selector]: value });
  };

  it('is a plain name, not a path, and never left out', async () => {
    const before = world.server.requests.length;
    for (const value of ['../secrets/x', 'a/b', 'a?b', 'A', '..', 'a%2Fb', 'x'.repeat(254)]) {
      expect(await stepFailure(planWith(value))).toMatchObject({ code: 'invalid_value', happened: 'nothing' });
    }
    for (const value of ['', null]) await expect(planWith(value)).rejects.toMatchObject({ code: 'missing_value' });
    expect(world.server.requests.slice(before)).toEqual([]);
  });
});

describe.each([
  ['statefulset', 'StatefulSet'],
  ['daemonset', 'DaemonSet'],
])('the rights to a %s', (parameter, kind) => {
  /** The rules of the notes, one per verb, with what they say to put in the place of those of a Deployment. */
  const rulesOf = ({ notes }: AnyRemediation): readonly AccessRule[] =>
    [...notes.matchAll(/\{ apiGroups: \["([^"]*)"\], resources: \["([^"]*)"\], verbs: (\[[^\]]*\]) \}/g)].flatMap(
      ([, group = '', resource = '', verbs = '[]']) => {
        const replaced = resource.replace('deployments', `${parameter}s`).replace('replicasets', 'controllerrevisions');
        return (JSON.parse(verbs) as readonly string[]).map((verb) => ({
          namespace: NAMESPACE,
          apiGroups: [group],
          resources: [replaced],
          verbs: [verb],
        }));
      },
    );

  it.each(byName([rolloutRestart, rolloutUndo, rolloutStatus]))('are for %s those of its notes', async (_name, remediation) => {
    const rules = rulesOf(remediation);
    const name = `kept-${parameter}-${remediation.name.replace(/.*_/, '')}`;
    const perform = (given: readonly AccessRule[]) =>
      world.do(remediation, { [parameter]: name }, world.context({}, world.connect(given)));
    world.server.create(kind, NAMESPACE, workload(name));
    world.server.set(kind, NAMESPACE, name, { spec: workload(name, {}, 'kept:2')['spec'] });
    for (const [index, rule] of rules.entries()) {
      const failure = await stepFailure(perform(rules.toSpliced(index, 1)));
      expect(failure).toMatchObject({ code: 'permission_denied', happened: 'nothing' });
      expect(failure.message).toContain(`resources: ["${rule.resources.join()}"], verbs: ["${rule.verbs.join()}"]`);
    }
    await expect(perform(rules)).resolves.toBeDefined();
  });
});
