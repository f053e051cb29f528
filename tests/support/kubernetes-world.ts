import { RE2JS } from 're2js';
import type { KubernetesConnection } from '../../src/domain/connection.ts';
import type { Json, JsonObject } from '../../src/domain/json.ts';
import { parseParameters } from '../../src/domain/parameter.ts';
import type { AnyRemediation, Plan, StepContext } from '../../src/domain/remediation.ts';
import type { AccessRule } from './servers/kubernetes/access-rules.ts';
import { numberAt, type ApiObject, type NewObject } from './servers/kubernetes/api-object.ts';
import { startKubernetes, type TestKubernetes } from './servers/kubernetes/start-kubernetes.ts';
import { createStepContext } from './step-context.ts';

export const NAMESPACE = 'core';

/** All that a cluster's administrator may. */
export const EVERYTHING: readonly AccessRule[] = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }];

/** The connection "prod" of remedyd, by a kubeconfig. */
export function kubernetesConnection(kubeconfig: string, settings: Partial<KubernetesConnection> = {}): KubernetesConnection {
  return {
    kind: 'kubernetes',
    name: 'prod',
    kubeconfig,
    context: 'test',
    namespaces: [NAMESPACE],
    allowNodes: ['worker-*'],
    ...settings,
  };
}

/** A workload whose pods are labelled with its name. */
export function workload(name: string, spec: JsonObject = {}, image = `${name}:1`): NewObject {
  const template = { metadata: { labels: { app: name } }, spec: { containers: [{ name, image }] } };
  return { metadata: { name }, spec: { replicas: 2, selector: { matchLabels: { app: name } }, template, ...spec }, status: {} };
}

export interface KubernetesWorld {
  readonly server: TestKubernetes;
  /** What an administrator's connection leads to. */
  readonly connection: KubernetesConnection;
  /** A connection with exactly these rights. */
  connect(rules: readonly AccessRule[], settings?: Partial<KubernetesConnection>): KubernetesConnection;
  /** Parses the parameters and plans. */
  plan(remediation: AnyRemediation, params: Record<string, Json>, context?: StepContext): Promise<Plan>;
  run(remediation: AnyRemediation, plan: Plan, context?: StepContext): Promise<JsonObject>;
  /** Both. */
  do(remediation: AnyRemediation, params: Record<string, Json>, context?: StepContext): Promise<JsonObject>;
  context(overrides?: Partial<StepContext>, connection?: KubernetesConnection): StepContext;
  /** The pods of a workload, by the label that `workload` gives them. */
  podsOf(name: string): readonly ApiObject[];
  deploy(name: string, spec?: JsonObject): ApiObject;
  /** Gives a Deployment another image, as a person would. */
  release(name: string, image: string): void;
}

export async function startKubernetesWorld(): Promise<KubernetesWorld> {
  const server = await startKubernetes();
  let accounts = 0;
  const connect = (rules: readonly AccessRule[], settings: Partial<KubernetesConnection> = {}): KubernetesConnection => {
    accounts += 1;
    return kubernetesConnection(server.createAccount(`account-${accounts}`, rules), settings);
  };
  const connection = connect(EVERYTHING);
  const context = (overrides: Partial<StepContext> = {}, given = connection): StepContext => createStepContext(given, overrides);
  const plan: KubernetesWorld['plan'] = async (remediation, params, given = context()) =>
    remediation.plan(
      parseParameters(remediation.params, params, (pattern, text) => RE2JS.compile(pattern).matches(text)),
      given,
    );
  const run: KubernetesWorld['run'] = (remediation, planned, given = context()) => {
    const journaled: Plan = JSON.parse(JSON.stringify(planned));
    return remediation.run(journaled, given);
  };
  return {
    server,
    connection,
    connect,
    plan,
    run,
    do: async (remediation, params, given = context()) => run(remediation, await plan(remediation, params, given), given),
    context,
    podsOf: (name) => server.list('Pod', NAMESPACE).filter((pod) => pod.metadata.labels?.['app'] === name),
    deploy: (name, spec) => server.create('Deployment', NAMESPACE, workload(name, spec)),
    release: (name, image) => {
      const replicas = numberAt(server.get('Deployment', NAMESPACE, name), 'spec', 'replicas');
      server.set('Deployment', NAMESPACE, name, { spec: workload(name, { replicas }, image)['spec'] });
    },
  };
}
