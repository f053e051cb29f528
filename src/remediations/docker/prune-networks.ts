import { z } from 'zod';
import { requestEngine } from './engine-request.ts';
import { parseEngineAnswer } from './parse-engine-answer.ts';
import { hasLabels, type PruneKind } from './prune-kind.ts';
import { isUsedByContainer } from './used-by-containers.ts';

const listSchema = z.array(
  z.object({
    Id: z.string().min(1),
    Name: z.string(),
    Created: z.string(),
    Scope: z.string(),
    Labels: z.record(z.string(), z.string()).nullish(),
  }),
);

/** The engine's own. */
const PREDEFINED = ['bridge', 'host', 'none'];

/** Networks of this engine that somebody made and no container has, running or not. */
export const pruneNetworks: PruneKind = {
  async find(docker, { labels }, { signal }) {
    const what = 'listing networks';
    const answer = await requestEngine(docker, { what, method: 'GET', path: '/networks' }, signal);
    const items = [];
    for (const { Id, Name, Created, Scope, Labels } of parseEngineAnswer(listSchema, answer, what)) {
      const since = Date.parse(Created);
      const isMeant = Scope === 'local' && !PREDEFINED.includes(Name) && hasLabels(Labels ?? {}, labels) && !Number.isNaN(since);
      if (!isMeant || (await isUsedByContainer(docker, 'network', Id, signal))) continue;
      items.push({ id: Id, name: Name, since, bytes: 0, refs: [] });
    }
    return items;
  },

  async remove(docker, { id, name }, { signal }) {
    if (await isUsedByContainer(docker, 'network', id, signal)) return undefined;
    await requestEngine(docker, { what: `removing network ${name}`, method: 'DELETE', path: `/networks/${id}` }, signal);
    return 0;
  },
};
