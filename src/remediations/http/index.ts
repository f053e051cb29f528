import type { AnyRemediation } from '../../domain/remediation.ts';
import { httpRequest } from './http-request.ts';

/** What can be done over HTTP. */
export const httpRemediations: readonly AnyRemediation[] = [httpRequest];
