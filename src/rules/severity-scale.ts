import type { Labels } from '../domain/alert.ts';
import { MatcherError, matchesAll, parseMatchers } from '../domain/matcher.ts';
import type { Matcher } from '../domain/matcher.ts';
import type { Json } from '../domain/json.ts';
import type { SeverityLevel } from '../domain/rule.ts';
import type { SeverityDefinition } from './rule-settings.ts';

interface Level {
  readonly level: SeverityLevel;
  readonly matchers: readonly Matcher[];
  readonly escalationPolicy: string | undefined;
}

/** Severities in their order: the most urgent first, and the first whose matchers match is an alert's. */
export class SeverityScale {
  /** The levels as plain data, for snapshots. */
  readonly data: Json;
  readonly #levels: readonly Level[];
  readonly #none: SeverityLevel;

  /** The definitions are sound: whoever read them has reported what is wrong. */
  constructor(definitions: readonly SeverityDefinition[]) {
    this.data = definitions.map(({ name, matchers, escalationPolicy }) => {
      return { name, matchers, ...(escalationPolicy === undefined ? {} : { escalation_policy: escalationPolicy }) };
    });
    this.#levels = definitions.map(({ name, matchers, escalationPolicy }, rank) => {
      return { level: { name, rank }, matchers: parseSoundMatchers(matchers), escalationPolicy };
    });
    this.#none = { name: 'none', rank: definitions.length };
  }

  names(): readonly string[] {
    return this.#levels.map(({ level }) => level.name);
  }

  byName(name: string): SeverityLevel | undefined {
    return this.#levels.find(({ level }) => level.name === name)?.level;
  }

  /** The severity of an alert; `none`, behind all others, when no level takes it. */
  readonly severityOf = (labels: Labels): SeverityLevel => {
    return this.#levels.find(({ matchers }) => matchesAll(matchers, labels))?.level ?? this.#none;
  };

  policyOf(name: string): string | undefined {
    return this.#levels.find(({ level }) => level.name === name)?.escalationPolicy;
  }

  /** The levels that alerts with these matchers may get, as far as literal values tell. */
  reachableBy(matchers: readonly Matcher[]): readonly string[] {
    const fixed = new Map(matchers.filter((matcher) => matcher.op === '=').map((matcher) => [matcher.name, matcher.value]));
    const isReachable = ({ matchers: own }: Level): boolean => own.every((matcher) => matchesFixed(matcher, fixed));
    return this.#levels.filter(isReachable).map(({ level }) => level.name);
  }
}

function matchesFixed(matcher: Matcher, fixed: ReadonlyMap<string, string>): boolean {
  const value = fixed.get(matcher.name);
  return value === undefined || matcher.matches(Object.fromEntries([[matcher.name, value]]));
}

function parseSoundMatchers(texts: readonly string[]): readonly Matcher[] {
  return texts.flatMap((text) => {
    try {
      return parseMatchers(text);
    } catch (error) {
      if (error instanceof MatcherError) return [];
      throw error;
    }
  });
}
