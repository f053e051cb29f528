// What the daemon sustains, side by side with simpler servers, in one run. `--quick` only shows that everything works.
// The daemon is built first, as it is shipped; `--sources` runs it as it stands in src/.
// `--only WORD` runs the parts whose name contains it; `--cpu-prof DIR` writes a profile of each daemon there.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../tests/support/servers/free-port.ts';
import { findProgram } from '../tests/support/servers/server-catalog.ts';
import { startChild, untilIdle, type ChildServer } from './child-server.ts';
import { HELD_ALERT, NOOP_ALERT, startBenchDaemon, TOKEN, type BenchDaemon, type BenchDaemonOptions } from './daemon.ts';
import type { Load, LoadResult } from './load.ts';
import { formatCount, formatRows, median, type Row } from './row.ts';
import { startLoad } from './start-load.ts';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    sources: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    'cpu-prof': { type: 'string' },
  },
});

const PROJECT = join(import.meta.dirname, '..');
const MAIN = join(PROJECT, options.sources ? 'src/main.ts' : 'dist/main.js');
const SLOW_DISK = join(import.meta.dirname, 'slow-disk-daemon.ts');
const ROUNDS = options.quick ? 1 : 3;
const ROUND_MS = options.quick ? 200 : 1_000;
const WARM_UP_MS = options.quick ? 100 : 700;
const CONNECTIONS = 64;
const STORM_ALERTS = options.quick ? 5_000 : 100_000;
const NOOP_RUNS = options.quick ? 500 : 10_000;
const PROBES_PER_SECOND = 50;
const HEALTH_AIM_MS = 10;

type Kind = 'repeat' | 'new';
interface Traffic {
  readonly kind: Kind;
  readonly alerts: 1 | 50;
}

const TRAFFIC: readonly Traffic[] = [
  { kind: 'repeat', alerts: 1 },
  { kind: 'new', alerts: 1 },
  { kind: 'repeat', alerts: 50 },
  { kind: 'new', alerts: 50 },
];

/** The middle of the rounds, and the health check's worst p99 beside them. */
interface Measured {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly healthP99Ms: number;
}

const folder = mkdtempSync(join(tmpdir(), 'remedyd-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
let seed = 0;
let profiles = 0;

await main();

async function main(): Promise<void> {
  if (!options.sources) execFileSync('npm', ['run', '--silent', 'build'], { cwd: PROJECT, stdio: 'inherit' });
  const startedAt = performance.now();
  console.log(
    `remedyd benchmark: Node.js ${process.versions.node}, ${cpus().length} x ${cpus()[0]?.model ?? 'CPU'}; servers and load share them.`,
  );
  console.log(
    `${CONNECTIONS} connections; median of ${ROUNDS} rounds of ${ROUND_MS} ms after a warm-up; every 202 is on disk (synchronous=FULL) unless it says otherwise.`,
  );
  const [busy = 0] = loadavg();
  if (busy > 0.5)
    console.log(`Other work keeps this machine busy (load average ${busy.toFixed(1)}): what follows is worth little.`);
  const parts: readonly (readonly [string, () => Promise<void>])[] = [
    ['accept', compareAccept],
    ['pipeline', measurePipeline],
    ['rules', compareRules],
    ['slow-disk', measureSlowDisk],
    ['memory', measureMemory],
    ['ready', measureReady],
  ];
  for (const [name, run] of parts) if (name.includes(options.only)) await run();
  console.log(`\ndone in ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
}

async function compareAccept(): Promise<void> {
  const bare = await measureAll((port) => startBareServer(port));
  const rows = await measureAll((port) => startBareServer(port, join(mkdtempSync(join(folder, 'rows-')), 'inbox.db')));
  const ours = await measureAll(() => startDaemon());
  const webhook = findProgram('webhook');
  const others = webhook === undefined ? undefined : await measureAll((port) => startWebhookProgram(webhook, port));
  if (others === undefined)
    console.log('\nThe program `webhook` is not installed: install the Debian package webhook to compare with it.');
  for (const [index, { kind, alerts }] of TRAFFIC.entries()) {
    const [ofBare, ofRows, ofOurs, ofOthers] = [bare[index], rows[index], ours[index], others?.[index]];
    if (ofBare === undefined || ofRows === undefined || ofOurs === undefined) continue;
    const share = ofOurs.perSecond / ofBare.perSecond;
    const leastShare = kind === 'repeat' ? 0.35 : 0.2;
    const result: Row[] = [
      rateRow('bare node:http, parses the body, keeps nothing', ofBare),
      rateRow('the same, each body a row in SQLite, batched', ofRows),
      ...(ofOthers === undefined ? [] : [rateRow('Debian webhook, runs /bin/true', ofOthers)]),
      rateRow('remedyd', ofOurs),
      { what: '  of the bare server', value: `${share.toFixed(2)} x`, ...atLeast(share, leastShare, (aim) => `>= ${aim} x`) },
    ];
    if (ofOthers !== undefined) {
      const factor = ofOurs.perSecond / ofOthers.perSecond;
      // The aim is about single alerts: `webhook` does the same whatever a body holds.
      const aim = alerts === 1 ? atLeast(factor, kind === 'repeat' ? 2 : 1.4, (least) => `>= ${least} x`) : {};
      result.push({ what: '  of Debian webhook', value: `${factor.toFixed(2)} x`, ...aim });
    }
    if (alerts === 50) {
      const perSecond = ofOurs.perSecond * alerts;
      result.push({
        what: '  alerts/s',
        value: formatCount(perSecond),
        ...atLeast(perSecond, kind === 'repeat' ? 100_000 : 30_000, (least) => `>= ${formatCount(least)}`),
      });
    }
    result.push(healthRow(ofOurs.healthP99Ms));
    print(`Accepting ${kind === 'repeat' ? 'repeats' : 'new alerts'}, ${alerts} per webhook (webhooks/s)`, result);
  }
}

async function measurePipeline(): Promise<void> {
  const server = await startDaemon();
  const runOnce = async (runs: number): Promise<number> => {
    const before = await server.metric('remedyd_runs_total');
    const startedAt = performance.now();
    const requests = Math.ceil(runs / 50);
    const sent = startLoad(
      load(
        server.port,
        { kind: 'new', alerts: 50 },
        { alertname: NOOP_ALERT, maxRequests: requests, durationMs: 60_000, connections: 8 },
      ),
    );
    let ended = 0;
    while (ended < requests * 50) {
      if (performance.now() - startedAt > 60_000) throw new Error(`only ${ended} of ${requests * 50} runs ended within a minute`);
      await new Promise((resolve) => setTimeout(resolve, 50));
      ended = (await server.metric('remedyd_runs_total')) - before;
    }
    await sent;
    return ended / ((performance.now() - startedAt) / 1000);
  };
  await runOnce(NOOP_RUNS / 10);
  const rates: number[] = [];
  let healthP99Ms = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    await untilIdle(server);
    const health = startHealthProbe(server.port, 1_000);
    rates.push(await runOnce(NOOP_RUNS));
    healthP99Ms = Math.max(healthP99Ms, (await health).p99Ms);
  }
  await server.stop();
  const perSecond = median(rates);
  print('The whole way: webhook, incident, gates, claim, step, end (a run that changes nothing)', [
    {
      what: 'finished runs/s',
      value: formatCount(perSecond),
      note: `${formatCount(NOOP_RUNS)} runs a round, 50 alerts per webhook`,
      ...atLeast(perSecond, 2_000, (aim) => `>= ${formatCount(aim)}`),
    },
    healthRow(healthP99Ms),
  ]);
}

async function compareRules(): Promise<void> {
  for (const traffic of TRAFFIC.slice(0, 2)) {
    const few = await measure(() => startDaemon({ rules: 10 }), traffic);
    const many = await measure(() => startDaemon({ rules: 10_000 }), traffic);
    const factor = few.perSecond / many.perSecond;
    print(`10 and 10,000 rules: ${traffic.kind === 'repeat' ? 'repeats' : 'new alerts'} (webhooks/s)`, [
      rateRow('10 rules', few),
      rateRow('10,000 rules', many),
      { what: '  time of an alert', value: `${factor.toFixed(2)} x`, ...atMost(factor, 1.5, (aim) => `<= ${aim} x`) },
    ]);
  }
}

async function measureSlowDisk(): Promise<void> {
  for (const alerts of [1, 50] as const) {
    const measured = await measure(() => startDaemon({ main: SLOW_DISK }), { kind: 'new', alerts });
    print(`A disk whose fsync takes 10 ms: new alerts, ${alerts} per webhook (webhooks/s)`, [
      rateRow('remedyd', measured),
      healthRow(measured.healthP99Ms),
    ]);
  }
}

async function measureMemory(): Promise<void> {
  const server = await startDaemon();
  await untilIdle(server);
  const idle = server.residentBytes();
  let peak = idle;
  const watch = setInterval(() => void (peak = Math.max(peak, server.residentBytes())), 20);
  const requests = STORM_ALERTS / 50;
  const result = await startLoad(load(server.port, { kind: 'new', alerts: 50 }, { maxRequests: requests, durationMs: 60_000 }));
  const afterStorm = server.residentBytes();
  await untilIdle(server);
  clearInterval(watch);
  await server.stop();
  const factor = peak / idle;
  print(
    `Memory under a storm of ${formatCount(result.requests * 50)} different alerts, taken in ${result.seconds.toFixed(1)} s`,
    [
      { what: 'idle', value: formatMebibytes(idle) },
      { what: 'when the last 202 was sent', value: formatMebibytes(afterStorm) },
      {
        what: 'most',
        value: formatMebibytes(peak),
        note: `${factor.toFixed(2)} x idle`,
        ...atMost(factor, 2, (aim) => `<= ${aim} x idle`),
      },
    ],
  );
}

async function measureReady(): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < (options.quick ? 1 : 5); round += 1) {
    const server = await startDaemon();
    times.push(server.readyAfterMs);
    await server.stop();
  }
  const ms = median(times);
  const many = await startDaemon({ rules: 10_000 });
  await many.stop();
  print('From the start of the process to ready', [
    { what: '10 rules', value: `${ms.toFixed(0)} ms`, ...atMost(ms, 500, (aim) => `<= ${aim} ms`) },
    { what: '10,000 rules', value: `${many.readyAfterMs.toFixed(0)} ms` },
  ]);
}

async function measureAll(start: (port: number) => Promise<ChildServer>): Promise<readonly Measured[]> {
  const all: Measured[] = [];
  for (const traffic of TRAFFIC) all.push(await measure(start, traffic));
  return all;
}

/** A fresh server, a warm-up, then the rounds. */
async function measure(start: (port: number) => Promise<ChildServer>, traffic: Traffic): Promise<Measured> {
  const server = await start(await freePort());
  try {
    await startLoad(load(server.port, traffic, { durationMs: WARM_UP_MS }));
    const rounds: LoadResult[] = [];
    const health: number[] = [];
    const first = load(server.port, traffic);
    for (let round = 0; round < ROUNDS; round += 1) {
      await untilIdle(server);
      const probe = startHealthProbe(server.port, ROUND_MS);
      // Repeats are repeats of the first round; new alerts need another seed each time.
      rounds.push(await startLoad(traffic.kind === 'repeat' ? first : load(server.port, traffic)));
      health.push((await probe).p99Ms);
    }
    const refused = rounds.reduce((sum, round) => sum + round.refused, 0);
    if (refused > 0) console.log(`  (${refused} requests of this load were refused)`);
    return {
      perSecond: median(rounds.map((round) => round.requests / round.seconds)),
      p50Ms: median(rounds.map((round) => round.p50Ms)),
      p99Ms: median(rounds.map((round) => round.p99Ms)),
      healthP99Ms: median(health),
    };
  } finally {
    await server.stop();
  }
}

function load(port: number, { kind, alerts }: Traffic, more: Partial<Load> = {}): Load {
  seed += 1;
  return {
    port,
    kind,
    alerts,
    path: '/webhooks/alertmanager',
    connections: CONNECTIONS,
    durationMs: ROUND_MS,
    alertname: HELD_ALERT,
    token: TOKEN,
    seed,
    ...more,
  };
}

function startHealthProbe(port: number, durationMs: number): Promise<LoadResult> {
  return startLoad({
    ...load(port, { kind: 'new', alerts: 1 }),
    kind: 'get',
    path: '/-/healthy',
    connections: 1,
    ratePerSecond: PROBES_PER_SECOND,
    durationMs,
  });
}

function startDaemon(given: Partial<BenchDaemonOptions> = {}): Promise<BenchDaemon> {
  const directory = options['cpu-prof'];
  profiles += 1;
  const nodeOptions = directory === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${join(directory, String(profiles))}`];
  return startBenchDaemon(folder, { main: MAIN, ...given, nodeOptions });
}

function startBareServer(port: number, database?: string): Promise<ChildServer> {
  const args = [join(import.meta.dirname, 'bare-server.ts'), String(port), ...(database === undefined ? [] : [database])];
  return startChild(process.execPath, args, { port, readyPath: '/' });
}

function startWebhookProgram(program: string, port: number): Promise<ChildServer> {
  const hooks = join(folder, 'hooks.json');
  writeFileSync(hooks, JSON.stringify([{ id: 'alertmanager', 'execute-command': '/bin/true' }]));
  const args = ['-hooks', hooks, '-ip', '127.0.0.1', '-port', String(port), '-urlprefix', 'webhooks'];
  return startChild(program, args, { port, readyPath: '/', anyStatus: true });
}

function rateRow(what: string, { perSecond, p50Ms, p99Ms }: Measured): Row {
  return { what, value: formatCount(perSecond), note: `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms` };
}

function healthRow(p99Ms: number): Row {
  return {
    what: '  /-/healthy meanwhile, p99',
    value: `${p99Ms.toFixed(1)} ms`,
    ...atMost(p99Ms, HEALTH_AIM_MS, (aim) => `< ${aim} ms`),
  };
}

function atLeast(value: number, aim: number, format: (aim: number) => string): Pick<Row, 'aim' | 'isMet'> {
  return { aim: format(aim), isMet: value >= aim };
}

function atMost(value: number, aim: number, format: (aim: number) => string): Pick<Row, 'aim' | 'isMet'> {
  return { aim: format(aim), isMet: value <= aim };
}

function formatMebibytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(0)} MiB`;
}

function print(title: string, rows: readonly Row[]): void {
  console.log(formatRows(title, rows));
}
