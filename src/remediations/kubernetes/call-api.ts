import type { z } from 'zod';
import type { Json } from '../../domain/json.ts';
import { StepError } from '../../domain/remediation.ts';
import { parseJsonOutput } from '../parse-json-output.ts';
import { refusalOf } from './api-refusal.ts';
import type { KubernetesApi } from './connect-kubernetes.ts';
import { describeResource, pathOf, type Resource } from './resource.ts';
import { sendRequest, type ApiAnswer } from './send-request.ts';

/** The verbs of RBAC that are needed here. */
const METHODS = { get: 'GET', list: 'GET', update: 'PUT', patch: 'PATCH', delete: 'DELETE' } as const;

export interface ApiCall {
  readonly verb: keyof typeof METHODS;
  readonly resource: Resource;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Json;
}

/** Makes one call and reads the part of its answer that `schema` names. Fails with a `StepError`. */
export async function callApi<T>(api: KubernetesApi, call: ApiCall, schema: z.ZodType<T>): Promise<T> {
  const { text, isCut } = await callForText(api, call);
  const parsed = isCut ? undefined : schema.safeParse(parseJsonOutput(text));
  if (parsed?.success === true) return parsed.data;
  const fault = parsed?.error.issues[0];
  const place = fault === undefined || fault.path.length === 0 ? 'the answer' : fault.path.join('.');
  const why = isCut ? 'it is larger than 16 MiB' : `${place}: ${fault?.message ?? 'unreadable'}`;
  throw new StepError('invalid_response', `${describeCall(call)}: the API server's answer does not fit: ${why}`, {
    happened: isChange(call) ? 'unknown' : 'nothing',
  });
}

/** As `callApi`, for answers that are plain text. */
export async function callForText(api: KubernetesApi, call: ApiCall): Promise<Pick<ApiAnswer, 'text' | 'isCut'>> {
  const { verb, resource, query, body } = call;
  const answer = await sendRequest(api, {
    method: METHODS[verb],
    path: pathOf(resource),
    ...(query === undefined ? {} : { query }),
    ...(body === undefined ? {} : { body: { type: contentTypeOf(verb), value: body } }),
    what: describeCall(call),
  });
  if (answer.status >= 200 && answer.status < 300) return answer;
  throw refusalOf(api, { verb, resource, what: describeCall(call), isChange: isChange(call) }, answer);
}

function contentTypeOf(verb: ApiCall['verb']): string {
  // The only kind of patch that knows which lists are merged by a key; all objects here are of built-in kinds, which have it.
  return verb === 'patch' ? 'application/strategic-merge-patch+json' : 'application/json';
}

function describeCall({ verb, resource }: ApiCall): string {
  return `${verb} ${describeResource(resource)}`;
}

function isChange({ verb }: ApiCall): boolean {
  return verb !== 'get' && verb !== 'list';
}
