import type Docker from 'dockerode';
import { z } from 'zod';
import { StepError } from '../../domain/remediation.ts';
import { requestEngine } from './engine-request.ts';
import { bytesOfVolume, readEngineUsage } from './engine-usage.ts';
import { parseEngineAnswer } from './parse-engine-answer.ts';
import { hasLabels, type PruneKind } from './prune-kind.ts';
import { isUsedByContainer } from './is-used-by-container.ts';

const volumeSchema = z.object({ CreatedAt: z.string().optional() });

/** Volumes that no container has, running or not: anonymous ones, with labels those that have them. */
export const pruneVolumes: PruneKind = {
  async find(docker, { labels }, { signal }) {
    const { volumes } = await readEngineUsage(docker, signal);
    return volumes
      .filter(({ Name, Labels, UsageData }) => {
        const isMeant = labels.length > 0 ? hasLabels(Labels, labels) : isAnonymous(Name);
        return UsageData.RefCount === 0 && isMeant;
      })
      .map((volume) => ({
        id: volume.Name,
        name: volume.Name,
        since: Date.parse(volume.CreatedAt ?? ''),
        bytes: bytesOfVolume(volume),
        refs: [],
      }))
      .filter(({ since }) => !Number.isNaN(since));
  },

  async remove(docker, { id, since, bytes }, { signal }) {
    const createdAt = await findCreation(docker, id, signal);
    if (createdAt !== since || (await isUsedByContainer(docker, 'volume', id, signal))) return undefined;
    await requestEngine(docker, { what: `removing volume ${id}`, method: 'DELETE', path: `/volumes/${id}` }, signal);
    return bytes;
  },
};

/** The engine gives a volume without a name 64 hexadecimal digits. */
function isAnonymous(name: string): boolean {
  return /^[0-9a-f]{64}$/.test(name);
}

async function findCreation(docker: Docker, name: string, signal: AbortSignal): Promise<number | undefined> {
  const what = `inspecting volume ${name}`;
  try {
    const answer = await requestEngine(docker, { what, method: 'GET', path: `/volumes/${name}` }, signal);
    return Date.parse(parseEngineAnswer(volumeSchema, answer, what).CreatedAt ?? '');
  } catch (error) {
    if (error instanceof StepError && error.code === 'not_found') return undefined;
    throw error;
  }
}
