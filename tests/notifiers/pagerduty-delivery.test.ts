import { SystemClock } from '../../src/domain/system-clock.ts';
import type { Incident, Notification } from '../../src/domain/state.ts';
import { Delivery, type Undeliverable } from '../../src/notifiers/delivery.ts';
import { SqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { startPagerDuty } from '../support/servers/pagerduty/start-pagerduty.ts';
import type { PagerDutyServer } from '../support/servers/pagerduty/types.ts';
import { createTemporaryDirectory } from '../support/servers/temporary-directory.ts';
import { changesOf, incidentOf } from '../support/store-rows.ts';
import { INCIDENT, KEY, newsOf, notifierOf, pageOf } from './pagerduty-place.ts';

const folder = createTemporaryDirectory('pagerduty-delivery');
const clock = new SystemClock();
let pagerduty: PagerDutyServer;
let store: SqliteStore;
let delivery: Delivery;
let reports: Undeliverable[];
let opened = 0;

beforeEach(async () => {
  pagerduty = await startPagerDuty();
  store = new SqliteStore({ path: `${folder.path}/${(opened += 1)}.db`, clock });
  await store.open();
  reports = [];
  delivery = createDelivery();
});
afterEach(async () => {
  await delivery.stop(0);
  await store.close();
  await pagerduty.stop();
});
afterAll(() => folder.remove());

function createDelivery(): Delivery {
  const notifier = notifierOf({ eventsUrl: pagerduty.plainUrl });
  return new Delivery({
    store,
    clock,
    notifiers: () => new Map([['pagerduty', notifier]]),
    newsOf: async ({ incidentId }) => {
      const [incident] = await store.transact((tx) => tx.incidents([incidentId ?? '']));
      return incident === undefined ? undefined : newsOf(incident);
    },
    report: (event) => Promise.resolve(reports.push(event)),
    newId: (kind) => `${kind}_1`,
    onOutcome: () => undefined,
    onFault: (message, error) => {
      throw new Error(message, { cause: error });
    },
    log: { warn: () => undefined, error: () => undefined },
  });
}

/** The incident is so now, and its places should hear of it. */
async function become(incident: Partial<Incident>): Promise<void> {
  await store.transact((tx) => tx.save(changesOf({ incidents: [incidentOf(INCIDENT, incident)], told: [INCIDENT] })));
  delivery.poke();
}

async function open(row: Partial<Notification> = {}): Promise<void> {
  await store.transact((tx) => tx.save(changesOf({ incidents: [incidentOf(INCIDENT)], notifications: [pageOf(row)] })));
  delivery.start();
}

const effects = (): readonly string[] => pagerduty.events.map(({ effect }) => effect);

it('tells one key in its order, with failures between', async () => {
  pagerduty.fail({ how: 'cut_after' });
  await open();
  await pagerduty.until(({ calls }) => calls.some(({ outcome }) => outcome === 'http 202'));
  pagerduty.fail({ how: { status: 503 } });
  await become({ status: 'acknowledged' });
  await pagerduty.until((pd) => pd.incident(KEY)?.status === 'acknowledged');
  pagerduty.fail({ how: 'cut_before' });
  await become({ status: 'resolved' });
  await pagerduty.until((pd) => pd.incident(KEY)?.status === 'resolved');
  expect(effects()).toEqual(['opened', 'appended', 'acknowledged', 'resolved']);
});

it('goes on after a crash with what was under way: nobody is called for what is over, nothing stays open', async () => {
  pagerduty.fail({ how: 'cut_after' });
  await open();
  await pagerduty.until(({ calls }) => calls.some(({ outcome }) => outcome === 'cut_after'));
  await delivery.stop(0);
  delivery = createDelivery();
  await become({ status: 'resolved' });
  delivery.start();
  await pagerduty.until((pd) => pd.incident(KEY)?.status === 'resolved');
  expect(effects()).toEqual(['opened', 'resolved']);
});

it('calls nobody late: what was resolved while PagerDuty could not be reached is not told', async () => {
  await pagerduty.goDown();
  await open();
  while ((await store.listNotifications({ state: 'waiting', limit: 1 }))[0]?.attempts === 0) await clock.sleep(10);
  await become({ status: 'resolved' });
  await pagerduty.comeBack();
  while ((await store.listNotifications({ state: 'waiting', limit: 1 })).length > 0) await clock.sleep(10);
  expect(pagerduty.calls).toEqual([]);
});

it('says that a service is gone, so that another place is told', async () => {
  await open({ id: `${INCIDENT}:pagerduty:gone`, place: 'gone' });
  while (reports.length === 0) await clock.sleep(10);
  expect(reports).toMatchObject([{ place: 'gone', isPlaceAtFault: true, error: 'pagerduty.services has no "gone"' }]);
});
