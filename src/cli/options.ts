import { CliError } from './cli-error.ts';

/** The options that every command which talks to a daemon has. */
export interface ApiOptions {
  readonly url: string;
  readonly token?: string;
  readonly json?: boolean;
}

/** `k=v` pairs, as `--label` and `--param` take them. A value may hold `=`. */
export function parsePairs(pairs: readonly string[], option: string): Record<string, string> {
  const values: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at <= 0) throw new CliError(2, `${option} ${JSON.stringify(pair)} is not of the form name=value`);
    values[pair.slice(0, at)] = pair.slice(at + 1);
  }
  return values;
}

/** For commander: an option that may be given several times. */
export function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
