import { copyLabels } from '../../src/domain/alert.ts';
import { newId } from '../../src/new-id.ts';
import { Pipeline } from '../../src/pipeline/pipeline.ts';
import { SqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { buildPlan, buildRule, buildRuleSet } from '../support/build-rule.ts';
import { OPEN_LIMITS } from '../support/memory-world.ts';
import { createTemporaryDirectory } from '../support/servers/temporary-directory.ts';
import { VirtualClock } from '../../src/rule-tests/virtual-clock.ts';
import { MINUTE } from './stage.ts';

const PLAN = buildPlan({
  rungs: [
    { afterMs: 0, unless: [], notify: { slack: '#incidents' } },
    { afterMs: 5 * MINUTE, unless: ['acknowledged', 'verified'], notify: { pagerduty: 'production' } },
  ],
  responseTimeMs: 10 * MINUTE,
});

/** Time stands still while the store is at work. */
class HeldStore extends SqliteStore {
  readonly #clock: VirtualClock;

  constructor(path: string, clock: VirtualClock) {
    super({ path, clock });
    this.#clock = clock;
  }

  override transact: SqliteStore['transact'] = (work) => this.#clock.hold(super.transact(work));

  override due: SqliteStore['due'] = (now, limit) => this.#clock.hold(super.due(now, limit));
}

/** The real pipeline over the real store, with a test in the place of time. */
class Daemon {
  readonly clock: VirtualClock;
  readonly store: SqliteStore;
  readonly pipeline: Pipeline;
  readonly faults: unknown[] = [];

  constructor(path: string) {
    this.clock = new VirtualClock();
    this.store = new HeldStore(path, this.clock);
    const rules = buildRuleSet([buildRule({ rungs: [], responseTo: () => PLAN })]);
    this.pipeline = new Pipeline({
      store: this.store,
      clock: this.clock,
      limits: () => OPEN_LIMITS,
      rules: () => rules,
      compileSnapshot: () => buildRule(),
      newId,
      newToken: () => 'token',
      defaultChannel: () => '#default',
      slackIdOf: () => undefined,
      random: () => 0.5,
      start: () => undefined,
      onSignals: () => undefined,
      onTold: () => undefined,
      onFault: (message, error) => void this.faults.push(message, error),
    });
  }

  async start(): Promise<void> {
    await this.store.open();
    await this.pipeline.start();
  }

  async stop(): Promise<void> {
    this.pipeline.stop();
    await this.store.close();
  }

  async fire(): Promise<void> {
    const now = this.clock.now();
    await this.pipeline.accept({
      source: 'am',
      receivedAt: now,
      groupLabels: copyLabels({}),
      truncatedAlerts: 0,
      alerts: [
        {
          status: 'firing',
          labels: copyLabels({ alertname: 'Down' }),
          annotations: copyLabels({}),
          startsAt: now,
          generatorUrl: '',
          fingerprint: '',
        },
      ],
      quarantined: [],
      externalUrl: '',
    });
  }

  async places(): Promise<readonly string[]> {
    const rows = await this.store.listNotifications({ limit: 100 });
    return rows.map(({ channel, place, purpose }) => `${channel} ${place} ${purpose}`).sort();
  }
}

const folder = createTemporaryDirectory('escalation');
let daemon: Daemon;

beforeEach(async () => {
  daemon = new Daemon(`${folder.path}/${newId('ep')}.db`);
  await daemon.start();
});

afterEach(async () => {
  await daemon.stop();
  expect(daemon.faults).toEqual([]);
});

afterAll(() => folder.remove());

test('the timers of an incident call people by themselves', async () => {
  await daemon.fire();
  expect(await daemon.places()).toEqual(['slack #default message', 'slack #incidents page']);
  await daemon.clock.advance(5 * MINUTE);
  expect(await daemon.places()).toEqual(['pagerduty production page', 'slack #default message', 'slack #incidents page']);
  await daemon.clock.advance(60 * MINUTE);
  const { items } = await daemon.store.listIncidents({ limit: 1 });
  expect(items[0]).toMatchObject({ escalationLevel: 3, responseMissed: true, nextRung: 2, wakeAt: null });
});

test('a place that will not do is told to the default channel', async () => {
  await daemon.fire();
  const [page] = (await daemon.store.listNotifications({ limit: 10 })).filter(({ purpose }) => purpose === 'page');
  if (page?.incidentId == null) throw new Error('nobody was called');
  const { id: notificationId, incidentId, place } = page;
  await daemon.pipeline.apply({
    kind: 'undeliverable',
    notificationId,
    incidentId,
    place,
    error: 'channel_not_found',
    isPlaceAtFault: true,
  });
  expect(await daemon.places()).toEqual(['slack #default page', 'slack #incidents page']);
  const detail = await daemon.store.incidentDetail(incidentId);
  expect(detail?.timeline.at(-1)).toMatchObject({
    kind: 'undelivered',
    text: 'slack #incidents was not told: channel_not_found; slack #default is told instead',
  });
});
