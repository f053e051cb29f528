import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Json } from '../../src/domain/json.ts';
import type { AnyRemediation } from '../../src/domain/remediation.ts';
import { connectKubernetes } from '../../src/remediations/kubernetes/connect-kubernetes.ts';
import { getConfigMap } from '../../src/remediations/kubernetes/get-config-map.ts';
import { kubernetesRemediations } from '../../src/remediations/kubernetes/index.ts';
import { rolloutRestart } from '../../src/remediations/kubernetes/rollout-restart.ts';
import { rolloutStatus } from '../../src/remediations/kubernetes/rollout-status.ts';
import {
  EVERYTHING,
  kubernetesConnection,
  NAMESPACE,
  startKubernetesWorld,
  type KubernetesWorld,
} from '../support/kubernetes-world.ts';
import type { AccessRule } from '../support/servers/kubernetes/access-rules.ts';
import { createTemporaryDirectory } from '../support/servers/temporary-directory.ts';
import { startSilentServer } from '../support/silent-server.ts';
import { createStepContext } from '../support/step-context.ts';
import { stepFailure } from '../support/step-failure.ts';

let world: KubernetesWorld;
let names = 0;

beforeAll(async () => {
  world = await startKubernetesWorld();
  world.server.create('Node', undefined, { metadata: { name: 'worker-1' }, spec: {}, status: {} });
  world.server.create('ConfigMap', NAMESPACE, { metadata: { name: 'settings' }, data: { A: 'b' } });
  world.server.exec = () => ({ exit: 0 });
});
beforeEach(() => {
  world.server.fault = () => undefined;
});
afterAll(() => world.server.stop());

/** A Deployment of its own with two revisions, and one of its pods. */
const deploy = (): { readonly deployment: string; readonly pod: string } => {
  names += 1;
  const deployment = `own-${names}`;
  world.deploy(deployment, { replicas: 1 });
  world.release(deployment, 'own:2');
  return { deployment, pod: world.podsOf(deployment)[0]?.metadata.name ?? '' };
};

type Deployed = ReturnType<typeof deploy>;

/** Works with a Deployment that is there for that long. */
const withDeployed = async (work: (deployed: Deployed) => Promise<unknown>): Promise<unknown> => {
  const deployed = deploy();
  try {
    return await work(deployed);
  } finally {
    world.server.remove('Deployment', NAMESPACE, deployed.deployment);
  }
};

/** For each remediation, calls that need together what its notes ask for. */
const CALLS: Readonly<Record<string, readonly ((deployed: Deployed) => Record<string, Json>)[]>> = {
  'kubernetes.rollout_restart': [({ deployment }) => ({ deployment })],
  'kubernetes.rollout_undo': [({ deployment }) => ({ deployment })],
  'kubernetes.rollout_status': [({ deployment }) => ({ deployment })],
  'kubernetes.scale_deployment': [({ deployment }) => ({ deployment, to: 3 })],
  'kubernetes.delete_pod': [({ pod }) => ({ pod })],
  'kubernetes.pod_logs': [({ pod }) => ({ pod }), ({ deployment }) => ({ deployment })],
  'kubernetes.events': [() => ({})],
  'kubernetes.describe_pod': [({ pod }) => ({ pod })],
  'kubernetes.pod_usage': [({ deployment }) => ({ deployment })],
  'kubernetes.cordon_node': [() => ({ node: 'worker-1' })],
  'kubernetes.uncordon_node': [() => ({ node: 'worker-1' })],
  'kubernetes.get_config_map': [() => ({ name: 'settings' })],
  'kubernetes.signal_process': [({ pod }) => ({ pod, signal: 'USR2' })],
  'kubernetes.find_files': [({ pod }) => ({ pod, match: '/app/*' }), ({ deployment }) => ({ deployment, match: '/app/*' })],
};

/** The rules that the notes give, one per verb. */
const rulesOf = ({ notes }: AnyRemediation): readonly AccessRule[] =>
  [...notes.matchAll(/\{ apiGroups: \["([^"]*)"\], resources: \["([^"]*)"\], verbs: (\[[^\]]*\]) \}/g)].flatMap(
    ([, group = '', resource = '', verbs = '[]']) => {
      const words: readonly string[] = JSON.parse(verbs);
      const scope = resource === 'nodes' ? {} : { namespace: NAMESPACE };
      return words.map((verb) => ({ ...scope, apiGroups: [group], resources: [resource], verbs: [verb] }));
    },
  );

describe.each(kubernetesRemediations.map((remediation) => [remediation.name, remediation] as const))(
  '%s',
  (name, remediation) => {
    const calls = CALLS[name] ?? [];
    const rules = rulesOf(remediation);

    it('works with exactly the rights of its notes', async () => {
      expect(rules).not.toEqual([]);
      expect(calls).not.toEqual([]);
      const context = world.context({}, world.connect(rules));
      for (const call of calls) await withDeployed((deployed) => world.do(remediation, call(deployed), context));
    });

    it.each(rules.map((rule, index) => [`${rule.verbs.join()} ${rule.resources.join()}`, index, rule] as const))(
      'names the right to %s when it is missing',
      async (_right, index, rule) => {
        const context = world.context({}, world.connect(rules.toSpliced(index, 1)));
        const outcomes = await Promise.all(
          calls.map((call) => withDeployed((deployed) => world.do(remediation, call(deployed), context).catch(toError))),
        );
        expect(outcomes).toContainEqual(
          expect.objectContaining({
            code: 'permission_denied',
            happened: 'nothing',
            message: expect.stringContaining(
              `{ apiGroups: ["${rule.apiGroups.join()}"], resources: ["${rule.resources.join()}"], verbs: ["${rule.verbs.join()}"] }`,
            ),
          }),
        );
      },
    );
  },
);

function toError(error: unknown): unknown {
  return error;
}

describe('a connection to Kubernetes', () => {
  const directory = createTemporaryDirectory('kubeconfig');
  afterAll(() => {
    directory.remove();
  });
  const writeConfig = (name: string, content: string): string => {
    writeFileSync(join(directory.path, name), content);
    return join(directory.path, name);
  };
  const readSettings = (context = world.context()) => world.do(getConfigMap, { name: 'settings' }, context);
  const connectionTo = (server: string, more = ''): string =>
    writeConfig(
      'to.yaml',
      `clusters: [{ name: c, cluster: { server: '${server}' ${more} } }]\nusers: [{ name: u, user: { token: geheim } }]\ncontexts: [{ name: test, context: { cluster: c, user: u } }]\ncurrent-context: test\n`,
    );

  it('takes the only namespace, or the named one of several', async () => {
    const several = world.context({}, world.connect(EVERYTHING, { namespaces: [NAMESPACE, 'other'] }));
    expect(await stepFailure(readSettings(several))).toMatchObject({
      code: 'missing_value',
      message: 'give `namespace`: the kubernetes connection "prod" has several: core, other',
    });
    await expect(world.do(getConfigMap, { name: 'settings', namespace: NAMESPACE }, several)).resolves.toMatchObject({
      name: 'settings',
    });
    expect(await stepFailure(world.do(getConfigMap, { name: 'settings', namespace: 'kube-system' }, several))).toMatchObject({
      code: 'not_allowed',
      message: expect.stringContaining('kube-system'),
    });
  });

  it('says what to install when the package is missing', async () => {
    const missing = () => Promise.reject(new Error("Cannot find package '@kubernetes/client-node'"));
    expect(
      await stepFailure(connectKubernetes({ connection: world.connection, signal: new AbortController().signal }, missing)),
    ).toMatchObject({
      code: 'unavailable',
      happened: 'nothing',
      message:
        'the kubernetes connection "prod" cannot be used: the package @kubernetes/client-node is missing: npm install --save-prod @kubernetes/client-node@2',
    });
  });

  it.each([
    ['a kubeconfig that is not there', () => kubernetesConnection('/nowhere/kubeconfig'), 'ENOENT'],
    ['a kubeconfig that is none', () => kubernetesConnection(writeConfig('bad.yaml', 'clusters: {')), ''],
    ['an unknown context', () => world.connect(EVERYTHING, { context: 'staging' }), 'no context "staging"; it has: test, other'],
    ['a context without a cluster', () => world.connect(EVERYTHING, { context: 'other' }), 'names no cluster'],
    ['no kubeconfig outside of a pod', () => ({ ...withoutKubeconfig(world.connection) }), 'name a `kubeconfig`'],
    ['nobody at the address', () => kubernetesConnection(connectionTo('https://127.0.0.1:1')), 'ECONNREFUSED'],
    ['a server that it does not trust', () => kubernetesConnection(connectionTo(world.server.url)), 'certificate'],
    ['a server without TLS', () => kubernetesConnection(connectionTo('http://127.0.0.1:1')), 'HTTP protocol is not allowed'],
  ])('is unavailable with %s', async (_case, connection, message) => {
    const failure = await stepFailure(readSettings(world.context({}, connection())));
    expect(failure).toMatchObject({ code: 'unavailable', happened: 'nothing', message: expect.stringContaining(message) });
    expect(failure.message).not.toContain('geheim');
    expect(failure.message).not.toContain('\n');
  });

  it('refuses wrong credentials', async () => {
    const wrong = kubernetesConnection(connectionTo(world.server.url, ', insecure-skip-tls-verify: true'));
    expect(await stepFailure(readSettings(world.context({}, wrong)))).toMatchObject({
      code: 'permission_denied',
      message: 'get configmaps "settings" in namespace "core": the credentials of the kubernetes connection "prod" were refused',
    });
  });

  it.each([
    [429, 'unavailable', 'nothing'],
    [500, 'unavailable', 'unknown'],
    [503, 'unavailable', 'unknown'],
    [422, 'rejected', 'nothing'],
    [415, 'rejected', 'nothing'],
    [409, 'precondition_failed', 'nothing'],
  ])('tells the status %d of a change as %s', async (status, code, happened) => {
    const { deployment } = deploy();
    const planned = await world.plan(rolloutRestart, { deployment });
    world.server.fault = (request) => (request.startsWith('patch') ? status : undefined);
    expect(await stepFailure(world.run(rolloutRestart, planned))).toMatchObject({ code, happened });
    world.server.fault = () => status;
    expect(await stepFailure(world.do(rolloutStatus, { deployment }))).toMatchObject({ code, happened: 'nothing' });
  });

  it('stops waiting when the step is aborted, and knows what it does not know', async () => {
    const { deployment } = deploy();
    const planned = await world.plan(rolloutRestart, { deployment });
    const controller = new AbortController();
    world.server.fault = (request) => {
      if (!request.startsWith('patch')) return undefined;
      controller.abort();
      return 'hang';
    };
    const context = world.context({ signal: controller.signal });
    expect(await stepFailure(world.run(rolloutRestart, planned, context))).toMatchObject({
      code: 'aborted',
      happened: 'unknown',
    });
    expect(await stepFailure(world.run(rolloutRestart, planned, context))).toMatchObject({
      code: 'aborted',
      happened: 'nothing',
    });
  });

  it.each(kubernetesRemediations.map((remediation) => [remediation.name, remediation] as const))(
    '%s ends with its time at a server that hangs',
    async (name, remediation) => {
      await using silent = await startSilentServer();
      const connection = kubernetesConnection(connectionTo(`https://127.0.0.1:${silent.port}`));
      const params = (CALLS[name] ?? [])[0]?.({ deployment: 'a', pod: 'a' }) ?? {};
      const failure = await stepFailure(world.do(remediation, params, createStepContext(connection, { timeoutMs: 50 })));
      expect(failure).toMatchObject({ code: 'timeout', happened: 'nothing' });
    },
  );
});

function withoutKubeconfig({ kind, name, namespaces, allowNodes }: KubernetesWorld['connection']): KubernetesWorld['connection'] {
  return { kind, name, namespaces, allowNodes };
}
