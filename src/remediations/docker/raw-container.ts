import type Docker from 'dockerode';
import { z } from 'zod';
import { requestEngine } from './engine-request.ts';
import { parseEngineAnswer } from './parse-engine-answer.ts';

const labelsSchema = z
  .record(z.string(), z.string())
  .nullish()
  .transform((labels) => labels ?? {});
const textsSchema = z
  .array(z.string())
  .nullish()
  .transform((texts) => texts ?? []);

const endpointSchema = z.object({
  NetworkID: z.string(),
  Aliases: textsSchema,
  IPAMConfig: z.looseObject({}).nullish(),
  Links: z.array(z.string()).nullish(),
  DriverOpts: z.record(z.string(), z.string()).nullish(),
});

const rawContainerSchema = z.object({
  Id: z.string().min(12),
  Name: z.string().startsWith('/'),
  Image: z.string().min(1),
  Config: z.looseObject({
    Image: z.string(),
    Hostname: z.string().default(''),
    MacAddress: z.string().nullish(),
    Env: textsSchema,
    Labels: labelsSchema,
    Volumes: z.record(z.string(), z.unknown()).nullish(),
    ExposedPorts: z.record(z.string(), z.unknown()).nullish(),
  }),
  HostConfig: z.looseObject({
    NetworkMode: z.string(),
    Binds: textsSchema,
    Links: textsSchema,
    Mounts: z
      .array(z.looseObject({ Target: z.string() }))
      .nullish()
      .transform((mounts) => mounts ?? []),
    PortBindings: z.record(z.string(), z.array(z.object({ HostPort: z.string() })).nullable()).nullish(),
  }),
  Mounts: z.array(
    z.object({ Type: z.string(), Name: z.string().default(''), Destination: z.string(), RW: z.boolean().default(true) }),
  ),
  NetworkSettings: z.object({ Networks: z.record(z.string(), endpointSchema).default({}) }),
});

/** Everything that another container like this one is made from, as the engine has it. It may hold secrets: never put it into a plan. */
export type RawContainer = z.infer<typeof rawContainerSchema>;
export type Endpoint = z.infer<typeof endpointSchema>;

/** The container of an id with all of its settings. */
export async function readRawContainer(docker: Docker, id: string, name: string, signal: AbortSignal): Promise<RawContainer> {
  const what = `inspecting container ${name}`;
  const answer = await requestEngine(docker, { what, method: 'GET', path: `/containers/${id}/json` }, signal);
  return parseEngineAnswer(rawContainerSchema, answer, what);
}
