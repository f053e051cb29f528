import { z } from 'zod';
import { StepError, type StepErrorCode } from '../../domain/remediation.ts';
import { parseJsonOutput } from '../parse-json-output.ts';
import { quoteLine } from '../quote-line.ts';
import type { KubernetesApi } from './connect-kubernetes.ts';
import { describeResource, type Resource } from './resource.ts';

const statusSchema = z.object({ kind: z.literal('Status'), message: z.string().catch('') });

export interface RefusedCall {
  /** The verb of RBAC. */
  readonly verb: string;
  readonly resource: Resource;
  /** The call, for people. */
  readonly what: string;
  readonly isChange: boolean;
}

/** The failure that an answer other than 2xx stands for, with what to do about it. */
export function refusalOf(
  { connection }: KubernetesApi,
  call: RefusedCall,
  { status, text }: { readonly status: number; readonly text: string },
): StepError {
  const said = describeAnswer(status, text);
  const { what } = call;
  // A server that fails may have begun; one that refuses has not.
  const fail = (code: StepErrorCode, message: string, happened: 'nothing' | 'unknown' = 'nothing'): StepError =>
    new StepError(code, message, { happened });
  switch (status) {
    case 401:
      return fail('permission_denied', `${what}: the credentials of the kubernetes connection "${connection.name}" were refused`);
    case 403:
      return fail('permission_denied', `${describeMissingRight(call, said)}${said}`);
    case 404:
      return fail('not_found', `${what}: there is none (${said})`);
    case 409:
      return fail('precondition_failed', `${what}: it was changed by somebody else in between; nothing was done (${said})`);
    case 429:
      return fail('unavailable', `${what}: the API server has too much to do (${said})`);
    default:
      return status >= 500
        ? fail('unavailable', `${what} failed: ${said}`, call.isChange ? 'unknown' : 'nothing')
        : fail(status >= 400 ? 'rejected' : 'invalid_response', `${what} was refused: ${said}`);
  }
}

/** The rule of RBAC that is missing. Quotas and admission refuse with 403 too, and no rule would help there. */
function describeMissingRight({ verb, resource, what }: RefusedCall, said: string): string {
  if (!said.includes(' cannot ')) return `${what} was refused: `;
  const kind = resource.subresource === undefined ? resource.resource : `${resource.resource}/${resource.subresource}`;
  const rule = `{ apiGroups: ["${resource.group}"], resources: ["${kind}"], verbs: ["${verb}"] }`;
  const role = resource.namespace === undefined ? 'a ClusterRole of it' : `its Role in namespace "${resource.namespace}"`;
  return `remedyd may not ${verb} ${describeResource(resource)}; add to ${role}: ${rule}; the API server: `;
}

function describeAnswer(status: number, text: string): string {
  const answer = statusSchema.safeParse(parseJsonOutput(text));
  const message = quoteLine(answer.success ? answer.data.message : text);
  return message === '' ? `status ${status}` : message;
}
