import type Docker from 'dockerode';
import { z } from 'zod';
import { requestEngine } from './engine-request.ts';
import { parseEngineAnswer } from './parse-engine-answer.ts';
import { hasLabels, type PruneKind } from './prune-kind.ts';

const listSchema = z.array(
  z.object({
    Id: z.string().min(1),
    Name: z.string(),
    Created: z.string(),
    Scope: z.string(),
    Labels: z.record(z.string(), z.string()).nullish(),
  }),
);

const containersSchema = z.array(
  z.object({
    NetworkSettings: z.object({ Networks: z.record(z.string(), z.object({ NetworkID: z.string() })).nullish() }).nullish(),
  }),
);

/** The engine's own. */
const PREDEFINED = ['bridge', 'host', 'none'];

/** Networks of this engine that somebody made and no container has, running or not. */
export const pruneNetworks: PruneKind = {
  async find(docker, { labels }, { signal }) {
    const what = 'listing networks';
    const answer = await requestEngine(docker, { what, method: 'GET', path: '/networks' }, signal);
    const used = await findUsedNetworks(docker, signal);
    return parseEngineAnswer(listSchema, answer, what)
      .filter(({ Id, Name }) => !PREDEFINED.includes(Name) && !used.has(Id) && !used.has(Name))
      .filter(({ Scope, Labels }) => Scope === 'local' && hasLabels(Labels ?? {}, labels))
      .map(({ Id, Name, Created }) => ({ id: Id, name: Name, since: Date.parse(Created), bytes: 0, refs: [] }))
      .filter(({ since }) => !Number.isNaN(since));
  },

  async remove(docker, { id, name }, { signal }) {
    const used = await findUsedNetworks(docker, signal);
    if (used.has(id) || used.has(name)) return undefined;
    await requestEngine(docker, { what: `removing network ${name}`, method: 'DELETE', path: `/networks/${id}` }, signal);
    return 0;
  },
};

/** Names and ids of networks that containers have, running or not; the engine's own filter finds only those of running ones. */
async function findUsedNetworks(docker: Docker, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const what = 'listing containers';
  const request = { what, method: 'GET', path: '/containers/json', query: { all: true } } as const;
  const containers = parseEngineAnswer(containersSchema, await requestEngine(docker, request, signal), what);
  const networks = containers.flatMap(({ NetworkSettings }) => Object.entries(NetworkSettings?.Networks ?? {}));
  return new Set(networks.flatMap(([name, { NetworkID }]) => [name, NetworkID]));
}
