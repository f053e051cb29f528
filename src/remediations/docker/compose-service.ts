import type Docker from 'dockerode';
import { z } from 'zod';
import { StepError } from '../../domain/remediation.ts';
import { filtersOf, requestEngine } from './engine-request.ts';
import { ownNameOf } from './own-name.ts';
import { parseEngineAnswer } from './parse-engine-answer.ts';

const listSchema = z.array(
  z.object({
    Id: z.string().min(1),
    Names: z.array(z.string()),
    State: z.string(),
    Labels: z.record(z.string(), z.string()),
  }),
);

/** The labels by which Compose finds its containers again. */
export const COMPOSE = {
  project: 'com.docker.compose.project',
  service: 'com.docker.compose.service',
  number: 'com.docker.compose.container-number',
  oneOff: 'com.docker.compose.oneoff',
} as const;

/** One of the containers of a service. */
export interface Replica {
  readonly id: string;
  readonly name: string;
  readonly number: number;
  readonly state: string;
}

/** The containers of a Compose service by their numbers, whatever their state, without those of `docker compose run`. */
export async function listReplicas(
  docker: Docker,
  project: string,
  service: string,
  signal: AbortSignal,
): Promise<readonly Replica[]> {
  const what = `listing the containers of service ${service} of Compose project ${project}`;
  const filters = filtersOf({ label: [`${COMPOSE.project}=${project}`, `${COMPOSE.service}=${service}`] });
  const request = { what, method: 'GET', path: '/containers/json', query: { all: true, filters } } as const;
  return parseEngineAnswer(listSchema, await requestEngine(docker, request, signal), what)
    .filter(({ Labels }) => Labels[COMPOSE.oneOff] !== 'True')
    .map(({ Id, Names, State, Labels }) => ({
      id: Id,
      name: ownNameOf(Names),
      number: parseNumber(Labels[COMPOSE.number], what),
      state: State,
    }))
    .sort((a, b) => a.number - b.number);
}

function parseNumber(label: string | undefined, what: string): number {
  if (label !== undefined && /^[1-9][0-9]{0,8}$/.test(label)) return Number(label);
  throw new StepError('invalid_response', `${what}: a container has no number in its label ${COMPOSE.number}`, {
    happened: 'nothing',
  });
}
