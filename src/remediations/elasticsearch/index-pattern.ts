import { compilePattern } from '../../domain/pattern.ts';
import { StepError } from '../../domain/remediation.ts';
import { quoteLine } from '../quote-line.ts';

const SHORTEST_PREFIX = 3;

/** Names of indices that begin with some text. */
export interface IndexPattern {
  /** As Elasticsearch takes it: `*` stands for any characters. */
  readonly expression: string;
  matches(name: string): boolean;
}

/**
 * A pattern with at least three literal characters before its first `*`. Refuses (`invalid_value`) system indices, lists,
 * exclusions, date mathematics and everything else that no name of an index holds:
 * https://www.elastic.co/guide/en/elasticsearch/reference/current/indices-create-index.html#indices-create-api-path-params
 */
export function parseIndexPattern(text: string): IndexPattern {
  const refuse = (why: string): never => {
    throw new StepError('invalid_value', `match "${quoteLine(text)}" ${why}`, { happened: 'nothing' });
  };
  if (/\\[*?]/.test(text)) refuse('holds a value with * or ?, which no name of an index has');
  // The values of expressions come with a backslash before each character that could be special.
  const expression = text.replace(/\\([[\]^-])/g, '$1');
  if (!/^[a-z0-9][a-z0-9._*-]*$/.test(expression)) {
    refuse('is no pattern for names of indices: they begin with a-z or 0-9, and hold a-z, 0-9, ".", "_" and "-" only');
  }
  const [prefix = ''] = expression.split('*', 1);
  if (prefix.length < SHORTEST_PREFIX) refuse(`needs at least ${SHORTEST_PREFIX} characters before its first *`);
  const pattern = compilePattern(expression.replaceAll('.', '\\.').replaceAll('*', '[a-z0-9._-]*'));
  return { expression, matches: (name) => pattern.matches(name) };
}
