import type Docker from 'dockerode';
import { z } from 'zod';
import { StepError } from '../../domain/remediation.ts';
import { requestEngine } from './engine-request.ts';
import { parseEngineAnswer } from './parse-engine-answer.ts';

const imageSchema = z
  .object({
    Id: z.string().min(1),
    RepoTags: z.array(z.string()).nullish(),
    Config: z.looseObject({}).nullish(),
  })
  .transform(({ Id, RepoTags, Config }) => ({
    id: Id,
    refs: (RepoTags ?? []).filter((tag) => tag !== '<none>:<none>'),
    /** What a container gets that says nothing else. */
    defaults: Config ?? {},
  }));

export type Image = z.infer<typeof imageSchema>;

/** The image that a name or an id means on the engine's own disk, if it is there. Nothing is pulled. */
export async function findImage(docker: Docker, ref: string, signal: AbortSignal): Promise<Image | undefined> {
  const what = `inspecting image ${ref}`;
  try {
    const answer = await requestEngine(docker, { what, method: 'GET', path: `/images/${ref}/json` }, signal);
    return parseEngineAnswer(imageSchema, answer, what);
  } catch (error) {
    if (error instanceof StepError && error.code === 'not_found') return undefined;
    throw error;
  }
}
