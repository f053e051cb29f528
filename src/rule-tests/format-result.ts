import { formatDuration } from '../domain/duration.ts';
import type { StepRecord } from '../domain/state.ts';
import type { Difference } from './compare-expectation.ts';
import type { Observed } from './observe.ts';
import type { FilePlace } from './file-place.ts';
import type { RuleTest } from './rule-test.ts';
import type { Failure, TestResult } from './run-rule-test.ts';

/** Of a longer story the last lines are shown. */
const LONGEST_STORY = 40;
const LONGEST_TEXT = 160;

/** One line for a test, and below it why it failed: what was expected and what was so, and the story until then. */
export function formatResult(result: TestResult): string {
  const { test, failures, warnings, tookMs } = result;
  const head = `${failures.length === 0 ? 'ok  ' : 'FAIL'} ${test.name.replaceAll(/\s+/g, ' ')} (${test.place.file}:${test.place.line}, ${Math.round(tookMs)} ms)`;
  const noted = warnings.map(({ place, message }) => `     ${at(place)}: warning: ${message}`);
  return [head, ...failures.map((failure) => formatFailure(failure, test)), ...noted].map(onOneLineEach).join('\n');
}

/** Why a test failed, in several lines. */
export function formatFailure(failure: Failure, test: RuleTest): string {
  switch (failure.kind) {
    case 'fault':
      return `     ${at(failure.place)}: ${failure.message}`;
    case 'act':
      return `     ${at(failure.place)}: at ${formatDuration(failure.atMs)}: ${failure.message}`;
    case 'expectation': {
      const { place, atMs, rule, target, differences, observed } = failure;
      const whom = [rule, target].filter((text) => text !== undefined).join(', ');
      return [
        `     ${at(place)}: at ${formatDuration(atMs)}${whom === '' ? '' : `, ${whom}`}`,
        ...differences.flatMap(formatDifference),
        ...formatStory(observed, test),
      ].join('\n');
    }
  }
}

function at({ file, line, column }: FilePlace): string {
  return `${file}:${line}:${column}`;
}

function formatDifference({ key, expected, actual }: Difference): readonly string[] {
  return [`       - ${key}: ${show(expected)}`, `       + ${key}: ${show(actual)}`];
}

function show(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function formatStory(observed: Observed, test: RuleTest): readonly string[] {
  const { run, incident, timeline, told, steps } = observed;
  if (run === undefined && incident === undefined) return ['       no alert, schedule or person has started it until then'];
  const since = (instant: number): string => formatDuration(instant - test.startAt).padStart(8);
  const entries = [
    ...timeline.map(({ at: instant, kind, text }) => ({ instant, text: `${kind.padEnd(14)} ${text}` })),
    ...firstTold(told).map(({ at: instant, channel, place }) => ({ instant, text: `${'told'.padEnd(14)} ${channel}/${place}` })),
  ].toSorted((a, b) => a.instant - b.instant);
  const lines = entries.map(({ instant, text }) => `       ${since(instant)}  ${shorten(text)}`);
  const hidden = lines.length - LONGEST_STORY;
  const gates = run === undefined ? [] : run.verdicts.filter(({ verdict }) => verdict !== 'proceed');
  return [
    '       what has happened:',
    ...(hidden > 0 ? [`       … ${hidden} earlier lines`] : []),
    ...lines.slice(-LONGEST_STORY),
    ...steps.map((step) => `       ${'step'.padStart(8)}  ${shorten(formatStep(step))}`),
    ...gates.map(
      ({ gate, verdict, detail }) =>
        `       ${'gate'.padStart(8)}  ${shorten(`${gate}: ${verdict}${detail === '' ? '' : `: ${detail}`}`)}`,
    ),
  ];
}

function firstTold(told: Observed['told']): Observed['told'] {
  const seen = new Set<string>();
  return told.filter(({ channel, place }) => {
    const name = `${channel}/${place}`;
    return !seen.has(name) && seen.add(name);
  });
}

function formatStep({ address, uses, state, params, output, error }: StepRecord): string {
  const call = `${address} ${uses}${params === null ? '' : ` ${JSON.stringify(params)}`}`;
  const came = error !== null ? `${error.code}: ${error.message}` : output === null ? '' : JSON.stringify(output);
  return `${call} → ${state}${came === '' ? '' : ` ${came}`}`;
}

function shorten(text: string): string {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT).toWellFormed()}…` : text;
}

/** Label text may hold anything: no terminal may take it for more than text. */
function onOneLineEach(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, (character) =>
    character === '\n' ? character : JSON.stringify(character).slice(1, -1),
  );
}
