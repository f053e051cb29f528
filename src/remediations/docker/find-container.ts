import type Docker from 'dockerode';
import { z } from 'zod';
import { StepError } from '../../domain/remediation.ts';
import { callDocker } from './call-docker.ts';
import { COMPOSE } from './compose-service.ts';
import { containerDetailsSchema, type ContainerDetails } from './container-details.ts';
import { describeSelection, type ParsedSelection } from './container-selection.ts';
import { ownNameOf } from './own-name.ts';
import { parseEngineAnswer } from './parse-engine-answer.ts';

const listSchema = z.array(
  z.object({
    Id: z.string().min(1),
    Names: z.array(z.string()),
    Labels: z.record(z.string(), z.string()).nullish(),
  }),
);

export interface ListedContainer {
  readonly id: string;
  readonly name: string;
}

/** The one container that is meant: `not_found` when there is none, `over_limit` with their names when there are several. */
export async function findContainer(docker: Docker, selection: ParsedSelection, signal: AbortSignal): Promise<ContainerDetails> {
  if (selection.by === 'name') return inspectByName(docker, selection.name, signal);
  const { project, service } = selection;
  const what = describeSelection(selection);
  const label = [`${COMPOSE.project}=${project}`, `${COMPOSE.service}=${service}`];
  const [first, ...others] = await listContainers(docker, { all: true, filters: { label } }, signal);
  if (first === undefined) throw new StepError('not_found', `there is no container of ${what}`, { happened: 'nothing' });
  if (others.length > 0) {
    const names = [first, ...others].map(({ name }) => name).join(', ');
    throw new StepError('over_limit', `${what} has several containers: ${names}; name one with \`container\``, {
      happened: 'nothing',
    });
  }
  return inspect(docker, first.id, first.name, signal);
}

/** Containers by name, without the one-off ones of `docker compose run`. */
export async function listContainers(
  docker: Docker,
  options: Docker.ContainerListOptions,
  signal: AbortSignal,
): Promise<readonly ListedContainer[]> {
  const what = 'listing containers';
  const call = { what, signal, request: 'GET /containers/json' };
  const answer = await callDocker(call, () => docker.listContainers({ ...options, abortSignal: signal }));
  return parseEngineAnswer(listSchema, answer, what)
    .filter(({ Labels }) => Labels?.[COMPOSE.oneOff] !== 'True')
    .map(({ Id, Names }) => ({ id: Id, name: ownNameOf(Names) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The container of exactly this name, if there is one. */
export async function findUnlessGone(docker: Docker, name: string, signal: AbortSignal): Promise<ContainerDetails | undefined> {
  return undefinedWhenGone(inspectByName(docker, name, signal));
}

/** The container of this id, whatever it is called now, if it still exists. `name` is for error messages. */
export async function findById(
  docker: Docker,
  id: string,
  name: string,
  signal: AbortSignal,
): Promise<ContainerDetails | undefined> {
  return undefinedWhenGone(inspect(docker, id, name, signal));
}

async function undefinedWhenGone(found: Promise<ContainerDetails>): Promise<ContainerDetails | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof StepError && error.code === 'not_found') return undefined;
    throw error;
  }
}

async function inspectByName(docker: Docker, name: string, signal: AbortSignal): Promise<ContainerDetails> {
  const details = await inspect(docker, name, name, signal);
  // The engine also takes the beginning of an id for a name.
  if (details.name !== name) throw new StepError('not_found', `there is no container named "${name}"`, { happened: 'nothing' });
  return details;
}

async function inspect(docker: Docker, idOrName: string, name: string, signal: AbortSignal): Promise<ContainerDetails> {
  const what = `inspecting container ${name}`;
  const call = { what, signal, request: `GET /containers/${idOrName}/json` };
  const answer = await callDocker(call, () => docker.getContainer(idOrName).inspect({ abortSignal: signal }));
  return parseEngineAnswer(containerDetailsSchema, answer, what);
}
