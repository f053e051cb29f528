import type Docker from 'dockerode';
import { requestEngine } from './engine-request.ts';

interface Target {
  readonly id: string;
  readonly name: string;
}

/** Starts a container; one that runs already is left as it is. */
export async function sendStart(docker: Docker, { id, name }: Target, signal: AbortSignal): Promise<void> {
  await requestEngine(docker, { what: `starting container ${name}`, method: 'POST', path: `/containers/${id}/start` }, signal);
}

/** Stops a container; one that does not run is left as it is. */
export async function sendStop(docker: Docker, { id, name }: Target, stopTimeoutMs: number, signal: AbortSignal): Promise<void> {
  const query = { t: stopTimeoutMs / 1_000 };
  const path = `/containers/${id}/stop`;
  await requestEngine(docker, { what: `stopping container ${name}`, method: 'POST', path, query }, signal);
}

/** Stops a container if it runs, and starts it. */
export async function sendRestart(
  docker: Docker,
  { id, name }: Target,
  stopTimeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const query = { t: stopTimeoutMs / 1_000 };
  const path = `/containers/${id}/restart`;
  await requestEngine(docker, { what: `restarting container ${name}`, method: 'POST', path, query }, signal);
}

/** Gives a container another name. */
export async function sendRename(docker: Docker, { id, name }: Target, newName: string, signal: AbortSignal): Promise<void> {
  const what = `renaming container ${name} to ${newName}`;
  await requestEngine(docker, { what, method: 'POST', path: `/containers/${id}/rename`, query: { name: newName } }, signal);
}

/** Removes a container, not its volumes. One that runs is refused unless `force`. */
export async function sendRemove(docker: Docker, { id, name }: Target, force: boolean, signal: AbortSignal): Promise<void> {
  const what = `removing container ${name}`;
  await requestEngine(docker, { what, method: 'DELETE', path: `/containers/${id}`, query: { force } }, signal);
}
