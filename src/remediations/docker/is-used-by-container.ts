import type Docker from 'dockerode';
import { listContainers } from './find-container.ts';

/** Whether any container, running or not, uses the thing: `ancestor` an image, `volume` a volume. */
export async function isUsedByContainer(
  docker: Docker,
  by: 'ancestor' | 'volume',
  id: string,
  signal: AbortSignal,
): Promise<boolean> {
  return (await listContainers(docker, { all: true, filters: { [by]: [id] } }, signal)).length > 0;
}
