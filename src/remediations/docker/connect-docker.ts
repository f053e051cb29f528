import type Docker from 'dockerode';
import type { DockerConnection } from '../../domain/connection.ts';
import { StepError } from '../../domain/remediation.ts';
import { describeError } from '../describe-error.ts';

const DEFAULT_SOCKET = '/var/run/docker.sock';

/** A client of the connection's engine. The library is loaded when it is first needed, because it is large. */
export async function connectDocker(connection: DockerConnection): Promise<Docker> {
  const { default: Engine } = await import('dockerode');
  try {
    return new Engine(createOptions(connection));
  } catch (cause) {
    if (cause instanceof StepError) throw cause;
    const message = `the docker connection "${connection.name}" cannot be used: ${describeError(cause).text}`;
    throw new StepError('unavailable', message, { happened: 'nothing', cause });
  }
}

function createOptions({ name, socket, host }: DockerConnection): Docker.DockerOptions {
  // The library lets DOCKER_HOST of the environment win over a socket unless `host` is given, be it as undefined.
  if (host === undefined) return { socketPath: socket ?? DEFAULT_SOCKET, host: undefined, port: undefined, protocol: 'http' };
  const url = URL.parse(host.replace(/^tcp:/, 'http:'));
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    const message = `host of the docker connection "${name}" is not tcp://host:port, http://… or https://…`;
    throw new StepError('invalid_value', message, { happened: 'nothing' });
  }
  const isTls = url.protocol === 'https:';
  return { host: url.hostname, port: url.port || (isTls ? '2376' : '2375'), protocol: isTls ? 'https' : 'http' };
}
