import type Docker from 'dockerode';
import type { Json } from '../../domain/json.ts';
import { formatDuration } from '../../domain/duration.ts';
import { defineRemediation, StepError, type StepContext } from '../../domain/remediation.ts';
import { quoteLine } from '../quote-line.ts';
import { connectDocker } from './connect-docker.ts';
import { pruneBuildCache } from './prune-build-cache.ts';
import { pruneContainers } from './prune-containers.ts';
import { pruneImages } from './prune-images.ts';
import type { PruneFilter, PruneItem, PruneKind } from './prune-kind.ts';
import { pruneNetworks } from './prune-networks.ts';
import { pruneVolumes } from './prune-volumes.ts';

const KINDS = {
  images: pruneImages,
  containers: pruneContainers,
  volumes: pruneVolumes,
  networks: pruneNetworks,
  build_cache: pruneBuildCache,
} as const satisfies Record<string, PruneKind>;
type What = keyof typeof KINDS;
const WHATS = ['images', 'containers', 'volumes', 'networks', 'build_cache'] as const satisfies readonly What[];

const LONGEST_LIST = 100;
const MOST_NAMES_IN_SUMMARY = 5;

/** Removes what nothing uses: exactly what the plan lists, one thing after the other. */
export const prune = defineRemediation({
  name: 'docker.prune',
  summary: 'Removes images, stopped containers, volumes, networks or build cache that nothing uses, the oldest first.',
  notes: [
    'Needs `allow_prune` of the connection; containers are only removed when their names are in `allow` as well.',
    [
      'Least privilege, through a socket proxy:',
      '- `images`: `GET /system/df`, `GET /images/{image}/json`, `GET /containers/json`, `DELETE /images/{image}`',
      '- `containers`: `GET /containers/json`, `GET /containers/{name}/json`, `DELETE /containers/{name}`',
      '- `volumes`: `GET /system/df`, `GET /volumes/{name}`, `GET /containers/json`, `DELETE /volumes/{name}`',
      '- `networks`: `GET /networks`, `GET /containers/json`, `DELETE /networks/{name}`',
      '- `build_cache`: `GET /system/df`, `POST /build/prune`',
    ].join('\n'),
    "What is removed is what the plan lists by id. Each is looked at again just before; one that is in use by then, has another name or is gone is left and counted in `skipped`. The engine's own prune is not used (but with one id at a time for the build cache): its filters could take more than was planned.",
    'Nothing that a container has is ever removed, running or not, and no container that `docker.rollback_container` has put aside (remove one that it left over by hand). `images` are those without a name; with `all` the named ones too. `volumes` are anonymous ones; with `labels` those that have them, named or not. `networks` are those of this engine, never its own three. `build_cache` has no labels; a record that others are built on stays while they do, and with `all` also those that images share go.',
    '`older_than` counts from the end of a container, the last use of a record of the build cache, and the creation of everything else: Docker does not keep when an image or a volume was last used.',
  ].join('\n\n'),
  connection: 'docker',
  params: {
    what: {
      type: 'string',
      required: true,
      enum: WHATS,
      description: 'What to remove.',
    },
    older_than: { type: 'duration', required: true, min: 1_000, description: 'Only what is older, e.g. `30d`; at least 1s.' },
    labels: { type: 'list', description: 'Only what has all these labels: `key` or `key=value`.' },
    all: { type: 'bool', default: false, description: 'Also images that have a name, or build cache that images share.' },
    limit: { type: 'int', default: 100, min: 1, max: 1_000, description: 'The most to remove; the rest is `remaining`.' },
  },
  outputs: {
    removed: { type: 'int', description: 'How many were removed.' },
    skipped: { type: 'int', description: 'Planned ones that were used or gone by then.' },
    remaining: { type: 'int', description: 'Those that fit and were left, because of `limit` or because they were skipped.' },
    freed_bytes: { type: 'bytes', description: 'What that freed at least; layers that images share are not counted.' },
    items: { type: 'list', description: `What was removed: id and name; at most ${LONGEST_LIST}.` },
  },
  example: {
    removed: 1,
    skipped: 0,
    remaining: 0,
    freed_bytes: 734_003_200,
    items: [{ id: 'sha256:aa79c353d7ffb583ff8b545b27632fdec54e9619f0fb691a1678b9ed077ded92', name: 'sha256:aa79c353d7ff' }],
  },
  effect: () => 'destructive',
  inDoubt: 'repeat',

  async plan(params, context) {
    const { connection, clock } = context;
    requireAllowPrune(context);
    const what = parseWhat(params.what);
    const labels = parseLabels(params.labels, what);
    const filter: PruneFilter = { olderThanMs: params.older_than, labels, all: parseAll(params.all, what) };
    const docker = await connectDocker(connection);
    const before = clock.now() - filter.olderThanMs;
    const matching = (await KINDS[what].find(docker, filter, context))
      .filter(({ since }) => since < before)
      .sort((a, b) => a.since - b.since || (a.id < b.id ? -1 : 1));
    const items = matching.slice(0, params.limit);
    return {
      summary: `remove ${items.length} of ${matching.length} unused ${describe(what, filter)}${listNames(items)}`,
      identity: {
        connection: connection.name,
        what,
        older_than_ms: filter.olderThanMs,
        labels,
        all: filter.all,
        limit: params.limit,
      },
      touches: [`docker:${connection.name}`],
      count: items.length,
      data: { what, items, matching: matching.length },
    };
  },

  async run(plan, context) {
    requireAllowPrune(context);
    const { what, items, matching } = plan.data;
    const docker = await connectDocker(context.connection);
    const removed: PruneItem[] = [];
    let freed = 0;
    let left = items;
    let isProgress = true;
    // What others are built on can go once they are gone: what is left is tried again as long as something went.
    while (left.length > 0 && isProgress) {
      const kept: PruneItem[] = [];
      for (const item of left) {
        const bytes = await removeOrSkip(docker, KINDS[what], item, removed.length, context);
        if (bytes === undefined) {
          kept.push(item);
          continue;
        }
        removed.push(item);
        freed += bytes;
      }
      isProgress = kept.length < left.length;
      left = kept;
    }
    return {
      removed: removed.length,
      skipped: left.length,
      remaining: matching - removed.length,
      freed_bytes: freed,
      items: removed.slice(0, LONGEST_LIST).map(({ id, name }) => ({ id, name })),
    };
  },
});

/** `undefined` when the thing was not removed, because it is used, is gone, or is another by now. */
async function removeOrSkip(
  docker: Docker,
  kind: PruneKind,
  item: PruneItem,
  removedBefore: number,
  context: StepContext<'docker'>,
): Promise<number | undefined> {
  try {
    return await kind.remove(docker, item, context);
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    const isRefused = error.code === 'not_found' || (error.code === 'rejected' && error.happened === 'nothing');
    if (isRefused) return undefined;
    if (removedBefore === 0) throw error;
    const message = `${error.message}; ${removedBefore} were removed before`;
    throw new StepError(error.code, message, { happened: 'unknown', cause: error });
  }
}

function requireAllowPrune({ connection }: StepContext<'docker'>): void {
  if (connection.allowPrune) return;
  const message = `the docker connection "${connection.name}" has no \`allow_prune: true\``;
  throw new StepError('not_allowed', message, { happened: 'nothing' });
}

function parseWhat(text: string): What {
  const what = WHATS.find((known) => known === text);
  if (what === undefined) throw refuse('invalid_value', `what "${quoteLine(text)}" is none of ${WHATS.join(', ')}`);
  return what;
}

function parseLabels(labels: readonly Json[] | undefined, what: What): readonly string[] {
  if (labels === undefined) return [];
  if (what === 'build_cache') throw refuse('invalid_value', 'the build cache has no labels: leave `labels` out');
  if (labels.length === 0) throw refuse('missing_value', '`labels` is empty: leave it out, or say which');
  return labels.map((label) => {
    if (typeof label === 'string' && /^[^=\s,][^=,]*(?:=.*)?$/.test(label)) return label;
    throw refuse('invalid_value', `the label ${quoteLine(JSON.stringify(label))} is neither \`key\` nor \`key=value\``);
  });
}

function parseAll(all: boolean, what: What): boolean {
  if (!all || what === 'images' || what === 'build_cache') return all;
  throw refuse('invalid_value', `\`all\` means nothing for ${what}: leave it out`);
}

function refuse(code: 'missing_value' | 'invalid_value', message: string): StepError {
  return new StepError(code, message, { happened: 'nothing' });
}

function describe(what: What, { olderThanMs, labels, all }: PruneFilter): string {
  const kind = what === 'images' && !all ? 'images without a name' : what.replace('_', ' ');
  const labelled = labels.length === 0 ? '' : ` labelled ${labels.join(', ')}`;
  return `${kind}${labelled} older than ${formatDuration(olderThanMs)}`;
}

function listNames(items: readonly PruneItem[]): string {
  if (items.length === 0) return '';
  const names = items.slice(0, MOST_NAMES_IN_SUMMARY).map(({ name }) => name);
  const more = items.length - names.length;
  return `: ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
