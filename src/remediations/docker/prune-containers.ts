import type Docker from 'dockerode';
import { z } from 'zod';
import type { ContainerDetails } from './container-details.ts';
import { sendRemove } from './change-requests.ts';
import { filtersOf, requestEngine } from './engine-request.ts';
import { findById } from './find-container.ts';
import { parseEngineAnswer } from './parse-engine-answer.ts';
import { hasLabels, type PruneKind } from './prune-kind.ts';
import { isAside } from './replacement.ts';
import { isAllowed } from './require-changeable.ts';

const listSchema = z.array(
  z.object({
    Id: z.string().min(1),
    Created: z.number(),
    SizeRw: z.number().default(0),
    Labels: z.record(z.string(), z.string()).nullish(),
  }),
);

const ENDED = ['created', 'exited', 'dead'];

/** Containers that do not run, whose names are in `allow`, but none that a rollback may have to put back. Their anonymous volumes stay. */
export const pruneContainers: PruneKind = {
  async find(docker, { labels }, { connection, signal }) {
    const listed = (await listEnded(docker, signal)).filter(({ Labels }) => hasLabels(Labels ?? {}, labels));
    const items = [];
    for (const { Id, Created, SizeRw } of listed) {
      const details = await findById(docker, Id, Id.slice(0, 12), signal);
      if (details === undefined || !ENDED.includes(details.state) || !isAllowed(details.name, connection)) continue;
      if (isAside(details)) continue;
      items.push({ id: Id, name: details.name, since: endedAt(details) ?? Created * 1_000, bytes: SizeRw, refs: [] });
    }
    return items;
  },

  async remove(docker, { id, name, since, bytes }, { connection, signal }) {
    const details = await findById(docker, id, name, signal);
    const isSame = details?.name === name && ENDED.includes(details.state) && (endedAt(details) ?? since) === since;
    if (!isSame || !isAllowed(name, connection)) return undefined;
    await sendRemove(docker, { id, name }, false, signal);
    return bytes;
  },
};

async function listEnded(docker: Docker, signal: AbortSignal) {
  const what = 'listing containers';
  const query = { all: true, size: true, filters: filtersOf({ status: ENDED }) };
  const answer = await requestEngine(docker, { what, method: 'GET', path: '/containers/json', query }, signal);
  return parseEngineAnswer(listSchema, answer, what);
}

/** When a container ended, in epoch milliseconds; `undefined` when it has never run. */
function endedAt({ finishedAt }: ContainerDetails): number | undefined {
  const at = Date.parse(finishedAt);
  return Number.isNaN(at) || at <= 0 ? undefined : at;
}
