import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Act } from './demo/act.ts';
import { startDemoDaemon } from './demo/demo-daemon.ts';
import { prepareDockerAct } from './demo/docker-act.ts';
import { DemoError } from './demo/demo-error.ts';
import { narrate } from './demo/narrate.ts';
import { preparePostgresAct } from './demo/postgres-act.ts';
import { prepareRedisAct } from './demo/redis-act.ts';
import { prepareServiceActs } from './demo/service-acts.ts';

/** Makes an act ready to be played, or says what this machine lacks for it. What it starts goes onto the stack. */
type Preparation = (folder: string, cleanUp: AsyncDisposableStack) => Promise<readonly Act[] | { readonly missing: string }>;

const PREPARATIONS: readonly Preparation[] = [prepareServiceActs, preparePostgresAct, prepareRedisAct, prepareDockerAct];

/** The exit status of a program that was interrupted, as shells have it. */
const INTERRUPTED = 130;

const WHO_IS_TOLD = `
It needs no Slack and no PagerDuty: the lines \`slack\` and \`pagerduty\` are what people would read there. An incident is one
message in Slack, which is updated in place; the lines \`remedyd\` are its thread.`;

/**
 * Plays sick systems, their alerts and their repair with a daemon of its own, within a minute. Returns 0 when every incident
 * ended as it should, as the daemon itself tells it; else 1. Leaves nothing behind, also when it is interrupted.
 */
export async function runDemo(print: (text: string) => void): Promise<number> {
  const cleanUp = new AsyncDisposableStack();
  let interrupt = (): void => undefined;
  const interrupted = new Promise<number>((resolve) => (interrupt = () => resolve(INTERRUPTED)));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt);
  try {
    return await Promise.race([play(print, cleanUp), interrupted]);
  } catch (error) {
    if (!(error instanceof DemoError)) throw error;
    print(`\n${error.message}`);
    return 1;
  } finally {
    await cleanUp.disposeAsync();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt);
  }
}

async function play(print: (text: string) => void, cleanUp: AsyncDisposableStack): Promise<number> {
  print(
    'remedyd demo: sick systems, their alerts, the repair, and whether it helped. Nothing outside of a temporary folder is touched.',
  );
  const folder = mkdtempSync(join(tmpdir(), 'remedyd-demo-'));
  cleanUp.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }));
  const prepared = await Promise.all(PREPARATIONS.map((prepare) => prepare(folder, cleanUp)));
  const acts = prepared.flatMap((result) => ('missing' in result ? [] : result));
  const daemon = await startDemoDaemon(folder, acts, cleanUp);
  narrate(print, 'remedyd', `the daemon is ready at ${daemon.url}, with ${String(acts.length)} rules`);
  print(WHO_IS_TOLD);
  for (const [index, act] of acts.entries()) {
    print(`\n${String(index + 1)}. ${act.title}`);
    await act.play({ daemon, tell: (who, text, at) => narrate(print, who, text, at) });
  }
  print('');
  for (const result of prepared) if ('missing' in result) print(`Not shown: ${result.missing}`);
  print(`Every incident ended as it should: ${acts.map((act) => act.ending).join('; ')}.`);
  return 0;
}
