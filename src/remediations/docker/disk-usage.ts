import { defineRemediation } from '../../domain/remediation.ts';
import { connectDocker } from './connect-docker.ts';
import { bytesOfVolume, ownBytesOfImage, readEngineUsage, type EngineUsage } from './engine-usage.ts';

/** Measures what a Docker engine keeps on its disk. */
export const diskUsage = defineRemediation({
  name: 'docker.disk_usage',
  summary: 'Reads how much of the disk images, containers, volumes and build cache take, and how much of that nothing uses.',
  notes: [
    'Least privilege: `GET /system/df`. The engine adds up every file of its volumes for it, which can take minutes on a large disk: give the step a timeout for that.',
    "Reclaimable is what nothing uses: layers that only one image without a container has (those that several such images share come on top), the writable layers of containers that do not run, volumes without a container, build cache that is neither in use nor shared with an image. Logs of containers are not in Docker's figures.",
  ].join('\n\n'),
  connection: 'docker',
  params: {},
  outputs: {
    total_bytes: { type: 'bytes', description: 'All of it.' },
    reclaimable_bytes: { type: 'bytes', description: 'What nothing uses.' },
    images: { type: 'int', description: 'How many images there are.' },
    images_bytes: { type: 'bytes', description: 'Their layers, each counted once.' },
    images_reclaimable_bytes: { type: 'bytes', description: 'Layers that only one image without a container has.' },
    containers: { type: 'int', description: 'How many containers there are, running or not.' },
    containers_bytes: { type: 'bytes', description: 'Their writable layers.' },
    containers_reclaimable_bytes: { type: 'bytes', description: 'Those of containers that do not run.' },
    volumes: { type: 'int', description: 'How many volumes there are.' },
    volumes_bytes: { type: 'bytes', description: 'What is in them.' },
    volumes_reclaimable_bytes: { type: 'bytes', description: 'What is in those without a container.' },
    build_cache: { type: 'int', description: 'How many records the build cache has.' },
    build_cache_bytes: { type: 'bytes', description: 'Their size.' },
    build_cache_reclaimable_bytes: { type: 'bytes', description: 'Those that are neither in use nor shared with an image.' },
  },
  example: {
    total_bytes: 21_474_836_480,
    reclaimable_bytes: 9_663_676_416,
    images: 12,
    images_bytes: 10_737_418_240,
    images_reclaimable_bytes: 5_368_709_120,
    containers: 8,
    containers_bytes: 1_073_741_824,
    containers_reclaimable_bytes: 0,
    volumes: 5,
    volumes_bytes: 5_368_709_120,
    volumes_reclaimable_bytes: 0,
    build_cache: 31,
    build_cache_bytes: 4_294_967_296,
    build_cache_reclaimable_bytes: 4_294_967_296,
  },
  effect: () => 'read',
  inDoubt: 'repeat',

  plan(_params, { connection }) {
    return Promise.resolve({
      summary: `read the disk use of the Docker engine "${connection.name}"`,
      identity: { connection: connection.name },
      touches: [],
      data: {},
    });
  },

  async run(_plan, { connection, signal }) {
    return summarize(await readEngineUsage(await connectDocker(connection), signal));
  },
});

function summarize({ layersBytes, images, containers, volumes, cache }: EngineUsage) {
  const used = {
    images_bytes: layersBytes,
    containers_bytes: sum(containers.map(({ SizeRw }) => SizeRw)),
    volumes_bytes: sum(volumes.map(bytesOfVolume)),
    build_cache_bytes: sum(cache.filter(({ Shared }) => !Shared).map(({ Size }) => Size)),
  };
  const reclaimable = {
    images_reclaimable_bytes: sum(images.filter((image) => image.Containers <= 0).map(ownBytesOfImage)),
    containers_reclaimable_bytes: sum(containers.filter(({ State }) => State !== 'running').map(({ SizeRw }) => SizeRw)),
    volumes_reclaimable_bytes: sum(volumes.filter(({ UsageData }) => UsageData.RefCount === 0).map(bytesOfVolume)),
    build_cache_reclaimable_bytes: sum(cache.filter(({ InUse, Shared }) => !InUse && !Shared).map(({ Size }) => Size)),
  };
  return {
    total_bytes: sum(Object.values(used)),
    reclaimable_bytes: sum(Object.values(reclaimable)),
    images: images.length,
    containers: containers.length,
    volumes: volumes.length,
    build_cache: cache.length,
    ...used,
    ...reclaimable,
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
