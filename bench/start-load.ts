import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Load, LoadResult } from './load.ts';

/** Runs a load in a thread of its own, so that loads do not wait for each other. */
export async function startLoad(load: Load): Promise<LoadResult> {
  const worker = new Worker(new URL('load.ts', import.meta.url), { workerData: load });
  const [result] = (await once(worker, 'message')) as [LoadResult];
  await worker.terminate();
  return result;
}
