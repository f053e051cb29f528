import { setTimeout as delay } from 'node:timers/promises';
import { alertKey, copyLabels } from '../../src/domain/alert.ts';
import { waitUntil } from '../support/daemon-wait.ts';
import { freePort } from '../support/servers/free-port.ts';
import { createTemporaryDirectory } from '../support/servers/temporary-directory.ts';
import { AlertLoad } from './alert-load.ts';
import { startEffectLedger, type Effect, type EffectLedger } from './effect-ledger.ts';
import { createDaemonHome, SOURCE, type DaemonHome } from './killable-daemon.ts';
import { Person } from './person.ts';
import { readStore, type StoredState } from './read-store.ts';

/** How often the daemon is killed. */
const KILLS = Number(process.env['REMEDYD_TEST_KILLS'] ?? 200);
/** After this many lives a person decides about what was interrupted, so that the targets do not run out. */
const LIVES_BETWEEN_DECISIONS = 8;
/** Of the kills, how many hit a daemon that still starts or recovers. */
const EARLY_SHARE = 0.35;
/** A daemon that is ready lives at most so much longer. */
const LONGEST_LIFE_MS = 300;

interface KillRecord {
  readonly state: StoredState;
  readonly load: AlertLoad;
  readonly effects: readonly Effect[];
  readonly person: Person;
  readonly early: number;
}

describe(`${String(KILLS)} times kill -9 at random moments under load`, () => {
  const folder = createTemporaryDirectory('kill');
  let ledger: EffectLedger;
  let record: KillRecord;

  beforeAll(async () => {
    ledger = await startEffectLedger(folder.path);
    record = await killOften(createDaemonHome(folder.path, await freePort(), ledger), ledger);
    report(record);
  }, 600_000);

  afterAll(async () => {
    await ledger.stop();
    folder.remove();
  });

  it('keeps every alert that got 202, with its last accepted status', () => {
    const { load, state } = record;
    const lost = load.alerts.filter(({ alert, accepted }) => state.episodes.get(keyOf(alert.labels))?.status !== accepted);
    expect(lost).toEqual([]);
    expect(load.counts.accepted).toBeGreaterThan(KILLS);
  });

  it('keeps the incident of every alert', () => {
    const { load, state } = record;
    const ids = new Set(state.incidents.map(({ id }) => id));
    const homeless = load.alerts
      .map(({ alert }) => state.episodes.get(keyOf(alert.labels)))
      .filter((episode) => !(state.members.get(episode?.id ?? '') ?? []).some(({ incidentId }) => ids.has(incidentId)));
    expect(homeless).toEqual([]);
  });

  it('does nothing twice that may not be repeated', () => {
    const { effects } = record;
    expect(repeated(effects.map(({ key }) => key))).toEqual([]);
    expect(repeated(effects.map(({ runId }) => runId))).toEqual([]);
    expect(effects.length).toBeGreaterThan(0);
  });

  it('has journaled what was done as done, and nothing else', () => {
    const { effects, state } = record;
    const done = new Set(effects.map(({ runId }) => runId));
    const changes = state.steps.filter(({ id }) => id === 'change');
    const wrong = changes.filter((step) => step.state !== 'unknown' && (step.state === 'succeeded') !== done.has(step.runId));
    expect(wrong).toEqual([]);
    const journaled = new Set(changes.map(({ runId }) => runId));
    expect([...done].filter((runId) => !journaled.has(runId))).toEqual([]);
  });

  it('acts at most once for each episode of an alert', () => {
    const { load, state } = record;
    const acted = Map.groupBy(
      state.runs.filter(({ actingAt }) => actingAt !== null),
      ({ target }) => target.replace(/^\w+\//, ''),
    );
    const tooOften = load.alerts.filter(({ alert, episodes }) => (acted.get(alert.labels['id'] ?? '')?.length ?? 0) > episodes);
    expect(tooOften).toEqual([]);
  });

  it('brings every run to an end, and leaves to a person what nobody can know', () => {
    const { state, person } = record;
    expect(state.runs.filter((run) => run.state !== 'ended')).toEqual([]);
    expect(state.claims).toEqual([]);
    const interrupted = state.runs.filter(({ outcome }) => outcome === 'interrupted').map(({ id }) => id);
    expect(interrupted.toSorted()).toEqual([...person.decided].toSorted());
    expect(
      outcomesOf(state)
        .keys()
        .toArray()
        .filter((outcome) => !['verified', 'interrupted', 'self_resolved'].includes(outcome)),
    ).toEqual([]);
    const unknown = new Set(state.steps.filter((step) => step.state === 'unknown').map(({ runId }) => runId));
    expect([...unknown].toSorted()).toEqual(interrupted.toSorted());
  });

  it('acts for every alert that still fires', () => {
    const { load, state } = record;
    const tried = new Set(state.runs.map(({ target }) => target.replace(/^\w+\//, '')));
    expect(load.alerts.filter(({ alert, accepted }) => accepted === 'firing' && !tried.has(alert.labels['id'] ?? ''))).toEqual(
      [],
    );
  });
});

async function killOften(home: DaemonHome, ledger: EffectLedger): Promise<KillRecord> {
  const load = new AlertLoad(home.url);
  const person = new Person(home.url);
  // Ends in an orderly way, so that Node keeps what it compiled and the later starts are quick.
  const first = home.start();
  await first.ready;
  await first.end('SIGTERM');
  load.start();
  try {
    const early = await killUnderLoad(home, person);
    await finish(home, load, person);
    const alertKeys = load.alerts.map(({ alert }) => keyOf(alert.labels));
    const state = await readStore(home.storePath, alertKeys);
    return { state, load, person, early, effects: [...ledger.httpEffects(), ...ledger.programEffects()] };
  } finally {
    load.abandon();
  }
}

/** Returns how many kills came before the daemon was ready. */
async function killUnderLoad(home: DaemonHome, person: Person): Promise<number> {
  let early = 0;
  let usualStartMs = 1_000;
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const life = home.start();
    try {
      if (Math.random() < EARLY_SHARE) {
        await delay(Math.random() * usualStartMs);
      } else {
        usualStartMs = (await life.ready) ?? usualStartMs;
        if (kill % LIVES_BETWEEN_DECISIONS === 0) await person.decide();
        await delay(Math.random() * LONGEST_LIFE_MS);
      }
    } finally {
      await life.end('SIGKILL');
    }
    if ((await life.ready) === undefined) early += 1;
  }
  return early;
}

/** The last life goes on until nothing is under way. */
async function finish(home: DaemonHome, load: AlertLoad, person: Person): Promise<void> {
  const life = home.start();
  try {
    await life.ready;
    await load.stop();
    await waitUntil(
      'no run is under way',
      async () => {
        await person.decide();
        return (await liveRuns(home.url)) === 0 ? true : undefined;
      },
      { withinMs: 120_000 },
    );
    expect(await life.end('SIGTERM')).toBe(0);
  } finally {
    await life.end('SIGKILL');
  }
}

async function liveRuns(url: string): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const values = metrics.split('\n').filter((line) => /^remedyd_(?:runs_active|runs_held|inbox_depth)[ {]/.test(line));
  return values.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

function report({ state, load, effects, early }: KillRecord): void {
  const outcomes = [...outcomesOf(state)].map(([outcome, runs]) => `${String(runs)} ${outcome}`).join(', ');
  const { accepted, unanswered } = load.counts;
  process.stderr.write(
    `${String(KILLS)} kills (${String(early)} before it was ready), ${String(accepted)} webhooks with 202 and ${String(unanswered)} attempts without, ` +
      `${String(load.alerts.length)} alerts, ${String(effects.length)} effects, ${String(state.runs.length)} runs: ${outcomes}\n`,
  );
}

function outcomesOf({ runs }: StoredState): ReadonlyMap<string, number> {
  return new Map([...Map.groupBy(runs, ({ outcome }) => outcome ?? 'none')].map(([outcome, group]) => [outcome, group.length]));
}

function keyOf(labels: Readonly<Record<string, string>>): string {
  return alertKey(SOURCE, copyLabels(labels));
}

function repeated(keys: readonly string[]): readonly string[] {
  return [...Map.groupBy(keys, (key) => key)].filter(([, group]) => group.length > 1).map(([key]) => key);
}
