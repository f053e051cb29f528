import type { Labels } from '../domain/alert.ts';
import { MatcherError, matchesAll, parseMatchers } from '../domain/matcher.ts';
import type { Matcher } from '../domain/matcher.ts';
import type { Json } from '../domain/json.ts';
import type { SeverityLevel } from '../domain/rule.ts';
import type { SeveritySetting } from '../domain/settings.ts';
import { severityData } from './response-data.ts';

interface Level {
  readonly level: SeverityLevel;
  readonly setting: SeveritySetting;
  readonly matchers: readonly Matcher[];
}

/** Severities in their order: the most urgent first, and the first whose matchers match is an alert's. */
export class SeverityScale {
  readonly settings: readonly SeveritySetting[];
  /** The levels as plain data, for snapshots. */
  readonly data: Json;
  readonly #levels: readonly Level[];
  readonly #none: SeverityLevel;

  /** The definitions are sound: whoever read them has reported what is wrong. */
  constructor(settings: readonly SeveritySetting[]) {
    this.settings = settings;
    this.data = settings.map(severityData);
    this.#levels = settings.map((setting, rank) => {
      return { level: { name: setting.name, rank }, setting, matchers: parseSoundMatchers(setting.matchers) };
    });
    this.#none = { name: 'none', rank: settings.length };
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

  /** What is set for a level; `undefined` for a name that is none. */
  settingOf(name: string): SeveritySetting | undefined {
    return this.#levels.find(({ level }) => level.name === name)?.setting;
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
