import { compileSearch, PatternError, type Search } from '../domain/pattern.ts';
import { StepError } from '../domain/remediation.ts';

/** The parameter `match` of a step that searches lines; `invalid_value` when it is not a regular expression of RE2, or too large a one. */
export function compileMatch(match: string): Search {
  try {
    return compileSearch(match);
  } catch (cause) {
    if (!(cause instanceof PatternError)) throw cause;
    throw new StepError('invalid_value', `match: ${cause.message}`, { happened: 'nothing', cause });
  }
}
