import { z } from 'zod';
import { filtersOf, requestEngine } from './engine-request.ts';
import { readEngineUsage } from './engine-usage.ts';
import { parseEngineAnswer } from './parse-engine-answer.ts';
import type { PruneKind } from './prune-kind.ts';

const prunedSchema = z.object({ CachesDeleted: z.array(z.string()).nullish(), SpaceReclaimed: z.number() });

/** Records of the build cache that no build uses: those that no image shares, with `all` the others too. They have no labels. */
export const pruneBuildCache: PruneKind = {
  async find(docker, { all }, { signal }) {
    const { cache } = await readEngineUsage(docker, signal);
    return cache
      .filter(({ ID, InUse, Shared }) => !InUse && (all || !Shared) && /^[a-z0-9]+$/.test(ID))
      .map(({ ID, CreatedAt, LastUsedAt, Size }) => ({
        id: ID,
        name: ID,
        since: Date.parse(LastUsedAt ?? CreatedAt),
        bytes: Size,
        refs: [],
      }))
      .filter(({ since }) => !Number.isNaN(since));
  },

  async remove(docker, { id }, { signal }) {
    const what = `removing build cache ${id}`;
    // There is no other way to remove one record. The engine takes the filter as an expression that is found anywhere.
    const query = { all: true, filters: filtersOf({ id: [`"^${id}$"`] }) };
    const answer = await requestEngine(docker, { what, method: 'POST', path: '/build/prune', query }, signal);
    const { CachesDeleted, SpaceReclaimed } = parseEngineAnswer(prunedSchema, answer, what, 'unknown');
    return CachesDeleted?.includes(id) === true ? SpaceReclaimed : undefined;
  },
};
