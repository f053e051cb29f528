import { z } from 'zod';
import { StepError } from '../../domain/remediation.ts';

/** The selector of a workload, as the text that list requests take. */
export const labelSelectorSchema = z
  .object({
    matchLabels: z.record(z.string(), z.string()).nullish(),
    matchExpressions: z
      .array(z.object({ key: z.string(), operator: z.string(), values: z.array(z.string()).nullish() }))
      .nullish(),
  })
  .transform(({ matchLabels, matchExpressions }) =>
    [
      ...Object.entries(matchLabels ?? {}).map(([key, value]) => `${key}=${value}`),
      ...(matchExpressions ?? []).map(({ key, operator, values }) => writeExpression(key, operator, values ?? [])),
    ].join(','),
  );

function writeExpression(key: string, operator: string, values: readonly string[]): string {
  switch (operator) {
    case 'In':
      return `${key} in (${values.join(',')})`;
    case 'NotIn':
      return `${key} notin (${values.join(',')})`;
    case 'Exists':
      return key;
    case 'DoesNotExist':
      return `!${key}`;
    default:
      throw new StepError('invalid_response', `a selector has the unknown operator "${operator}"`, { happened: 'nothing' });
  }
}

/** A selector that selects something: an empty one would mean every pod of the namespace. */
export function requireSelector(selector: string, what: string): string {
  if (selector.trim() !== '') return selector;
  throw new StepError('missing_value', `${what} is empty; it would select every pod of the namespace`, { happened: 'nothing' });
}
