import { ShortTurns } from '../../src/handlers/short-turns.ts';

/** Keeps the thread busy, as parsing a large body does. */
function work(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

describe('short turns', () => {
  test('keep the order, and let other work in between', async () => {
    const turns = new ShortTurns();
    const seen: string[] = [];
    const other = (left: number): void => {
      seen.push('other');
      if (left > 0) setImmediate(() => other(left - 1));
    };
    setImmediate(() => other(50));
    const pieces = Array.from({ length: 10 }, (_, index) =>
      turns.run(() => {
        work(4);
        seen.push(String(index));
        return index;
      }),
    );
    expect(await Promise.all(pieces)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(seen.filter((entry) => entry !== 'other')).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    const between = seen.slice(seen.indexOf('1'), seen.indexOf('9'));
    expect(between.filter((entry) => entry === 'other').length).toBeGreaterThanOrEqual(7);
  });

  test('give an error to whoever asked for the work, and go on', async () => {
    const turns = new ShortTurns();
    await expect(
      turns.run(() => {
        throw new Error('bad body');
      }),
    ).rejects.toThrow('bad body');
    expect(await turns.run(() => 1)).toBe(1);
  });
});
