import { StepError } from '../../domain/remediation.ts';
import { quoteLine } from '../quote-line.ts';

/** The rule of Kubernetes for names of objects (DNS subdomain). Nothing else may get into the path of a request. */
export function parseName(parameter: string, text: string): string {
  if (/^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/.test(text) && !text.includes('..')) return text;
  throw new StepError(
    'invalid_value',
    `${parameter} "${quoteLine(text)}" is not a name of Kubernetes: lower-case letters, digits, "-" and ".", with a letter or digit at both ends`,
    { happened: 'nothing' },
  );
}
