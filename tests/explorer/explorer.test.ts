import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, test } from '@jest/globals';
import type { Explored } from './explore.ts';
import type { Job } from './explore-worker.ts';
import { plantedBugs } from './planted-bugs.ts';
import { scenarios } from './scenarios.ts';

const EXPLORE_TIMEOUT_MS = 600_000;
const LEAST_STATES = 1_000_000;

/** Explores in a thread of its own, outside of Jest's sandbox, which would make it several times slower. */
function exploreInWorker(job: Job): Promise<Explored> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./explore-worker.ts', import.meta.url), { workerData: job });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

function describeViolation({ violation }: Explored): string {
  return violation === undefined ? '' : [violation.broken, ...violation.trace].join('\n    ');
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

describe('no history breaks a law', () => {
  const names = scenarios().map((scenario) => scenario.name);
  let states = 0;
  let transitions = 0;

  test.each(names)(
    '%s',
    async (scenario) => {
      const explored = await exploreInWorker({ scenario });
      states += explored.states;
      transitions += explored.transitions;
      print(`${scenario}: ${explored.states} states${explored.isComplete ? ' (all)' : ''}, ${explored.transitions} transitions`);
      expect(describeViolation(explored)).toBe('');
    },
    EXPLORE_TIMEOUT_MS,
  );

  test('and enough of them were looked at', () => {
    print(`together: ${states} states, ${transitions} transitions`);
    expect(states).toBeGreaterThan(LEAST_STATES);
  });
});

describe('a planted defect is found', () => {
  const found: string[] = [];

  test.each([...plantedBugs].map(([bug, { breaks }]) => [bug, breaks] as const))(
    '%s',
    async (bug, breaks) => {
      const explored = await exploreInWorker({ bug });
      found.push(`${bug}:\n  ${describeViolation(explored)}`);
      expect(explored.violation?.broken).toContain(breaks);
    },
    EXPLORE_TIMEOUT_MS,
  );

  afterAll(() => print(found.join('\n')));
});
