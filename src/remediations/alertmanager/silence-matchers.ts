import type { Labels } from '../../domain/alert.ts';
import type { Json } from '../../domain/json.ts';
import { matchesAll, MatcherError, parseMatcher, type Matcher } from '../../domain/matcher.ts';
import { StepError } from '../../domain/remediation.ts';
import { quoteLine } from '../quote-line.ts';

const MAX_MATCHERS = 20;

// A label value must not become an operator: with the quotes written in the rule, `x=` can never be read as `x=~`.
const QUOTED = /^\s*(?:[A-Za-z_:][\w:.-]*|"(?:[^"\\]|\\.)*")\s*(?:=~|!~|!=|=)\s*"(?:[^"\\]|\\.)*"\s*$/s;

/** Values that no label of a real alert is likely to have: what matches all of its labels to one of them names nothing. */
const PROBES = ['x', '0', 'remedyd-probe', 'RemedydProbe_7f3a.example.com:9100'];

/** The matchers of a step, one in each entry and its value in quotes; else `invalid_value`. */
export function parseStepMatchers(entries: readonly Json[]): readonly Matcher[] {
  if (entries.length === 0 || entries.length > MAX_MATCHERS) {
    throw invalid(`parameter "matchers" has ${entries.length} entries; expected 1 to ${MAX_MATCHERS}`);
  }
  return entries.map((entry) => {
    if (typeof entry !== 'string' || !QUOTED.test(entry)) {
      const shown = typeof entry === 'string' ? entry : JSON.stringify(entry);
      throw invalid(`matcher ${quoteLine(shown)}: write NAME="VALUE" (or != =~ !~), with the value in double quotes`);
    }
    try {
      return parseMatcher(entry);
    } catch (error) {
      if (!(error instanceof MatcherError)) throw error;
      throw invalid(`matcher ${quoteLine(entry)}: ${quoteLine(error.message)}`);
    }
  });
}

/** Refuses (`not_allowed`) what would silence nearly everything, and any alert that the run is for. */
export function requireNarrow(matchers: readonly Matcher[], alerts: readonly Labels[]): void {
  const refuse = (why: string): never => {
    throw new StepError('not_allowed', `the silence ${formatMatchers(matchers)} ${why}`, { happened: 'nothing' });
  };
  if (matchers.every(({ matchesEmpty }) => matchesEmpty)) refuse('would match alerts without any of these labels: name one');
  const names = matchers.map(({ name }) => name);
  const isBroad = PROBES.some((probe) => matchesAll(matchers, Object.fromEntries(names.map((name) => [name, probe]))));
  if (isBroad) refuse('would match nearly everything: name the alert that is expected');
  const own = alerts.find((labels) => matchesAll(matchers, labels));
  if (own === undefined) return;
  refuse(`would hide ${quoteLine(own['alertname'] ?? 'an alert')}, which this run is for: nobody could tell whether it helped`);
}

/** As Alertmanager writes them: `{alertname="X", instance="Y"}`. */
export function formatMatchers(matchers: readonly Matcher[]): string {
  return quoteLine(`{${matchers.map(String).join(', ')}}`);
}

function invalid(message: string): StepError {
  return new StepError('invalid_value', message, { happened: 'nothing' });
}
