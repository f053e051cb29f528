import type { ExpectationDefinition } from '../rules/tests-file-schema.ts';
import { isSameData } from './is-same-data.ts';
import type { Observed } from './observe.ts';
import type { Told } from './test-daemon.ts';

/** One key of an expectation that is not so. */
export interface Difference {
  readonly key: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

/** The keys of an expectation that are not so. */
export function compareExpectation(expected: ExpectationDefinition, observed: Observed): readonly Difference[] {
  const { run, incident } = observed;
  const differences: Difference[] = [];
  const compare = (key: keyof ExpectationDefinition, actual: unknown): void => {
    const wanted = expected[key];
    if (wanted !== undefined && !isSameData(wanted, actual)) differences.push({ key, expected: wanted, actual });
  };
  compare('run', run === undefined ? 'none' : run.state === 'ended' ? run.outcome : run.state);
  compare('reason', run?.reason ?? null);
  compare('steps', succeededSteps(observed));
  compareParams(expected, observed, differences);
  compare('rung', run?.rung ?? null);
  // A fallback is another attempt of the same run.
  compare('attempt', run === undefined ? null : run.attempt + run.rung);
  compare('runs', observed.runs);
  compare('incident', incident?.status ?? 'none');
  compare('severity', incident?.severity ?? null);
  compare('escalation_level', incident?.escalationLevel ?? 0);
  const places = placesOf(observed.told);
  const isTold = (wanted: string): boolean => places.some((place) => place === wanted || place.startsWith(`${wanted}/`));
  const { notified = [], not_notified: notNotified = [] } = expected;
  if (!notified.every(isTold)) differences.push({ key: 'notified', expected: notified, actual: places });
  if (notNotified.some(isTold)) differences.push({ key: 'not_notified', expected: notNotified, actual: places });
  return differences;
}

/** The steps of the rung under way that succeeded, in the order in which they were started. */
function succeededSteps({ run, steps }: Observed): readonly string[] {
  const prefix = `${run?.rung ?? 0}:steps/`;
  return steps
    .filter(
      ({ address, state }) => state === 'succeeded' && address.startsWith(prefix) && !/[/[]/.test(address.slice(prefix.length)),
    )
    .toSorted((a, b) => a.position - b.position)
    .map(({ id }) => id);
}

/** The places that were told, as tests name them: `slack/#ops`, `pagerduty/NAME`. */
function placesOf(told: readonly Told[]): readonly string[] {
  return [...new Set(told.map(({ channel, place }) => `${channel}/${place}`))];
}

/** Only the parameters that are named are compared. */
function compareParams({ params }: ExpectationDefinition, { params: actual }: Observed, differences: Difference[]): void {
  if (params === undefined) return;
  const named = Object.fromEntries(Object.keys(params).map((name) => [name, actual[name] ?? null]));
  if (!isSameData(params, named)) differences.push({ key: 'params', expected: params, actual: named });
}
