import { whyMissing, type ServerName } from './server-catalog.ts';

/**
 * A `describe` whose tests need real servers. Where one is missing they are shown as skipped, with the way to get it;
 * with `CI=true` a missing server is a failure.
 */
export function describeWith(servers: ServerName | readonly ServerName[], name: string, tests: () => void): void {
  const missing = [servers]
    .flat()
    .map(whyMissing)
    .filter((reason) => reason !== undefined);
  if (missing.length === 0) {
    describe(name, tests);
  } else if (process.env['CI'] === 'true') {
    describe(name, () => {
      it('has the servers that it needs', () => {
        throw new Error(missing.join('; '));
      });
    });
  } else {
    describe.skip(`${name} (skipped: ${missing.join('; ')})`, tests);
  }
}
