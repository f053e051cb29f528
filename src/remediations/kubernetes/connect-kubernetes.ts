import type * as library from '@kubernetes/client-node';
import { existsSync } from 'node:fs';
import type { KubernetesConnection } from '../../domain/connection.ts';
import { StepError, type StepContext } from '../../domain/remediation.ts';
import { describeError } from '../describe-error.ts';
import { OWN_NAMESPACE_FILE } from './own-namespace-file.ts';

/** A way to one cluster, as long as the step's signal allows. */
export interface KubernetesApi {
  readonly connection: KubernetesConnection;
  readonly server: URL;
  /** Gives credentials and trust for one request. */
  readonly config: library.KubeConfig;
  readonly signal: AbortSignal;
}

type Library = Pick<typeof library, 'KubeConfig'>;

const load = (): Promise<Library> => import('@kubernetes/client-node');

/**
 * Reads the connection's kubeconfig, or the service account of our own pod. The library is loaded when it is first needed: it is
 * large, and who has no cluster does not install it.
 */
export async function connectKubernetes(
  { connection, signal }: Pick<StepContext<'kubernetes'>, 'connection' | 'signal'>,
  loadLibrary: () => Promise<Library> = load,
): Promise<KubernetesApi> {
  const config = new (await loadOrExplain(connection.name, loadLibrary)).KubeConfig();
  try {
    readCredentials(config, connection);
  } catch (cause) {
    if (cause instanceof StepError) throw cause;
    throw unusable(connection.name, describeError(cause).text, cause);
  }
  const server = URL.parse(config.getCurrentCluster()?.server ?? '');
  if (server === null) {
    const context = config.getCurrentContext() || 'none';
    throw unusable(connection.name, `its context (${context}) names no cluster with the URL of a server`);
  }
  return { connection, server, config, signal };
}

async function loadOrExplain(name: string, loadLibrary: () => Promise<Library>): Promise<Library> {
  try {
    return await loadLibrary();
  } catch (cause) {
    throw unusable(
      name,
      'the package @kubernetes/client-node is missing: npm install --save-prod @kubernetes/client-node@2',
      cause,
    );
  }
}

function readCredentials(config: library.KubeConfig, { name, kubeconfig, context }: KubernetesConnection): void {
  if (kubeconfig === undefined) {
    if (!existsSync(OWN_NAMESPACE_FILE)) {
      throw unusable(name, 'remedyd does not run in a pod with a service account: name a `kubeconfig`');
    }
    config.loadFromCluster();
    return;
  }
  config.loadFromFile(kubeconfig);
  if (context === undefined) return;
  if (!config.getContexts().some((known) => known.name === context)) {
    const known = config.getContexts().map((one) => one.name);
    throw unusable(name, `the kubeconfig has no context "${context}"; it has: ${known.join(', ') || 'none'}`);
  }
  config.setCurrentContext(context);
}

function unusable(name: string, why: string, cause?: unknown): StepError {
  return new StepError('unavailable', `the kubernetes connection "${name}" cannot be used: ${why}`, {
    happened: 'nothing',
    cause,
  });
}
