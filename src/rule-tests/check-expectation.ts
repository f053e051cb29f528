import { OUTCOMES, REASONS } from '../domain/reason.ts';
import { STEP_ERROR_CODES } from '../domain/remediation.ts';
import { NOTIFICATION_CHANNELS, RUN_STATES } from '../domain/state.ts';
import type { ReportProblem } from '../rules/report-problem.ts';
import type { ExpectationDefinition } from '../rules/tests-file-schema.ts';
import { suggestName } from '../schema/nearest-name.ts';
import type { YamlPath } from '../schema/yaml-file.ts';
import type { RuleNames } from './rule-names.ts';

/** What a run may be expected to be. */
const RUN_WORDS: readonly string[] = [...RUN_STATES.filter((state) => state !== 'ended'), ...OUTCOMES, 'none'];
const REASON_WORDS: readonly string[] = [...REASONS, ...STEP_ERROR_CODES];

/** Reports what an expectation names and nobody knows: it could never come true, or would for a wrong reason. */
export function checkExpectation(
  expectation: ExpectationDefinition,
  names: RuleNames,
  services: ReadonlySet<string> | 'log' | undefined,
  report: ReportProblem,
  path: YamlPath,
): void {
  const { rule, target, run, reason, steps = [], notified = [], not_notified: notNotified = [] } = expectation;
  const check = (key: string, what: string, value: string | undefined, known: readonly string[]): void => {
    if (value !== undefined && !known.includes(value))
      report([...path, key], `unknown ${what} '${value}'${suggestName(value, known)}`);
  };
  check('rule', 'rule', rule, names.rules);
  check('run', 'state or outcome of a run', run, RUN_WORDS);
  check('reason', 'reason', reason, REASON_WORDS);
  const knownRule = rule === undefined || names.rules.includes(rule);
  if (target !== undefined && knownRule && !names.mayBeTarget(target, rule)) {
    report(
      [...path, 'target'],
      `${rule === undefined ? 'no rule' : `'${rule}' never`} has the target '${target}'${suggestName(target, names.targets)}`,
    );
  }
  if (knownRule) {
    const known = names.stepsOf(rule);
    steps.forEach((step, index) => {
      if (!known.includes(step)) report([...path, 'steps', index], `unknown step '${step}'${suggestName(step, known)}`);
    });
  }
  for (const [key, places] of [
    ['notified', notified],
    ['not_notified', notNotified],
  ] as const) {
    places.forEach((place, index) => {
      const fault = placeFault(place, services);
      if (fault !== undefined) report([...path, key, index], fault);
    });
  }
  if (Object.keys(expectation).every((key) => ['at', 'rule', 'target'].includes(key)))
    report(path, 'nothing is expected: write run, reason, steps, notified, …');
}

/** Channels of Slack are named by expressions too, and not known before; the services of PagerDuty are, where they are configured. */
function placeFault(place: string, services: ReadonlySet<string> | 'log' | undefined): string | undefined {
  const [channel = '', name] = place.split(/\/(.*)/s);
  if (!NOTIFICATION_CHANNELS.some((known) => known === channel))
    return `unknown place '${place}'${suggestName(channel, NOTIFICATION_CHANNELS)}; write slack, slack/#channel, pagerduty or pagerduty/SERVICE`;
  if (name === '') return `'${place}' names no place`;
  if (channel !== 'pagerduty' || name === undefined || services === undefined || services === 'log' || services.has(name))
    return undefined;
  return `unknown PagerDuty service '${name}'${suggestName(name, [...services])}`;
}
