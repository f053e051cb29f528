import { StepError } from '../../src/domain/remediation.ts';
import { compileMatch } from '../../src/remediations/compile-match.ts';

describe('the regular expression that log lines are searched for', () => {
  test('is found anywhere in a line', () => {
    const search = compileMatch('^ERROR|out of (memory|disk)$');
    expect(['ERROR: x', 'killed: out of memory', 'no ERROR', ''].map((line) => search.isIn(line))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  // One of these takes a second for each line of 16 KiB, in which the daemon does nothing else.
  test.each([
    ['no expression', '('],
    ['repetitions without a bound to speak of', '(?:[a-z]{500}){2}'.repeat(10)],
    ['too long', 'a'.repeat(4_097)],
  ])('is refused when it is %s', (_name, match) => {
    expect(() => compileMatch(match)).toThrow(StepError);
  });
});
