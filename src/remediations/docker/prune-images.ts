import { requestEngine } from './engine-request.ts';
import { ownBytesOfImage, readEngineUsage } from './engine-usage.ts';
import { findImage } from './find-image.ts';
import { hasLabels, type PruneKind } from './prune-kind.ts';
import { isUsedByContainer } from './is-used-by-container.ts';

/** Images that no container uses: those without a name, with `all` the others too. */
export const pruneImages: PruneKind = {
  async find(docker, { labels, all }, { signal }) {
    const { images } = await readEngineUsage(docker, signal);
    return images
      .filter((image) => image.Containers === 0 && hasLabels(image.Labels, labels))
      .map((image) => ({
        id: image.Id,
        refs: image.RepoTags.filter((tag) => tag !== '<none>:<none>'),
        since: image.Created * 1_000,
        bytes: ownBytesOfImage(image),
      }))
      .filter(({ refs }) => all || refs.length === 0)
      .map((image) => ({ ...image, name: image.refs[0] ?? image.id.slice(0, 19) }));
  },

  async remove(docker, { id, name, refs, bytes }, { signal }) {
    const image = await findImage(docker, id, signal);
    const isSame = image?.refs.toSorted().join() === refs.toSorted().join();
    if (!isSame || (await isUsedByContainer(docker, 'ancestor', id, signal))) return undefined;
    // The engine refuses to remove an image with several names by its id.
    const names = refs.length > 1 ? refs : [id];
    for (const ref of names) {
      if ((await findImage(docker, ref, signal))?.id !== id) return undefined;
      const request = { what: `removing image ${name}`, method: 'DELETE', path: `/images/${ref}` } as const;
      // Without `noprune` the engine would remove the parents as well, which nobody has planned.
      await requestEngine(docker, { ...request, query: { noprune: true } }, signal);
    }
    return bytes;
  },
};
