import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../src/domain/clock.ts';
import { SystemClock } from '../src/domain/system-clock.ts';
import type { Notification } from '../src/domain/state.ts';
import type { Changes } from '../src/domain/store.ts';
import { SqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { approvalOf, changesOf, incidentOf, notificationOf, runOf } from './support/store-rows.ts';

const DAY_MS = 86_400_000;
const TOLD_ROWS = 100_000;

describe.each(['a file', 'memory'])('the outbox in %s', (kind) => {
  let directory: string;
  let store: SqliteStore;
  let now: number;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'remedyd-outbox-'));
    now = 5_000;
    const clock: Clock = Object.assign(new SystemClock(), { now: () => now });
    store = new SqliteStore({ path: kind === 'memory' ? ':memory:' : join(directory, 'remedyd.db'), clock });
    await store.open();
  });

  afterEach(async () => {
    await store.close();
    await rm(directory, { recursive: true });
  });

  const save = (changes: Partial<Changes>): Promise<void> => store.transact((tx) => tx.save(changesOf(changes)));
  const read = async (id: string): Promise<Notification> => {
    const [row] = await store.transact((tx) => tx.notifications([id]));
    if (row === undefined) throw new Error(`no notification ${id}`);
    return row;
  };
  const dueIds = async (at: number, limit = 100): Promise<readonly string[]> =>
    (await store.dueNotifications(at, limit)).due.map(({ notification }) => notification.id);
  const asTold = (row: Notification): Notification => ({ ...row, toldVersion: row.wanted });

  it('is found by its incidents', async () => {
    const rows = ['inc-1', 'inc-2', 'inc-3'].map((incidentId) => notificationOf(incidentId));
    await save({ notifications: rows });
    expect(await store.transact((tx) => tx.notificationsOfIncidents(['inc-1', 'inc-3', 'inc-9']))).toEqual([rows[0], rows[2]]);
  });

  describe('asking for a place', () => {
    it('twice is one row, which stays as it is', async () => {
      const row = notificationOf('inc-1', { told: { ts: '1.2' }, toldPosition: 7, toldVersion: 1 });
      await save({ notifications: [row] });
      await save({ notifications: [notificationOf('inc-1', { createdAt: 9_999 })] });
      expect(await store.listNotifications({ limit: 9 })).toEqual([row]);
    });

    it('makes a page of a message, once, and never a message of a page', async () => {
      const row = notificationOf('inc-1', { toldVersion: 1, toldPosition: 7 });
      const page = notificationOf('inc-1', { purpose: 'page' });
      await save({ notifications: [row] });
      await save({ notifications: [page] });
      const asked: Notification = { ...row, purpose: 'page', wanted: 2 };
      expect(await read(row.id)).toEqual(asked);
      await save({ notifications: [page] });
      await save({ notifications: [notificationOf('inc-1')] });
      expect(await read(row.id)).toEqual(asked);
    });

    it('for a page tries a place again that was given up, and for a message does not', async () => {
      await save({ notifications: [notificationOf('inc-1', { isDead: true, attempts: 9, purpose: 'page' })] });
      await save({ notifications: [notificationOf('inc-1')] });
      expect(await read('inc-1:slack:#ops')).toMatchObject({ isDead: true, attempts: 9 });
      await save({ notifications: [notificationOf('inc-1', { purpose: 'page' })] });
      expect(await read('inc-1:slack:#ops')).toMatchObject({ isDead: false, attempts: 0, purpose: 'page' });
      expect(await dueIds(now)).toEqual(['inc-1:slack:#ops']);
    });

    it('as a message and as a page in one transaction is a page', async () => {
      await save({ notifications: [notificationOf('inc-1'), notificationOf('inc-1', { purpose: 'page' })] });
      await save({ notifications: [notificationOf('inc-2', { purpose: 'page' }), notificationOf('inc-2')] });
      expect((await store.listNotifications({ limit: 9 })).map(({ purpose }) => purpose)).toEqual(['page', 'page']);
    });
  });

  describe('telling', () => {
    it('an incident reaches all of its places and no others', async () => {
      const rows = ['#ops', '#dba'].map((place) => notificationOf('inc-1', { place, toldVersion: 1 }));
      const notice = notificationOf('', { id: 'notice', incidentId: null, purpose: 'notice', toldVersion: 1 });
      await save({ notifications: [...rows, notificationOf('inc-2', { toldVersion: 1 }), notice] });
      await save({ told: ['inc-1', 'inc-9'] });
      expect([...(await dueIds(now))].sort()).toEqual(rows.map(({ id }) => id).sort());
    });

    it('twice owes one delivery', async () => {
      const { id } = notificationOf('inc-1');
      await save({ notifications: [notificationOf('inc-1')], told: ['inc-1'] });
      await save({ told: ['inc-1'] });
      expect(await dueIds(now)).toEqual([id]);
      await save({ delivered: [asTold(await read(id))] });
      expect(await dueIds(now)).toEqual([]);
    });

    it('while a delivery is under way is owed after it', async () => {
      await save({ notifications: [notificationOf('inc-1')] });
      const loaded = await read('inc-1:slack:#ops');
      await save({ told: ['inc-1'] });
      await save({ delivered: [{ ...asTold(loaded), told: { ts: '1.2' } }] });
      expect(await dueIds(now)).toEqual([loaded.id]);
      expect(await read(loaded.id)).toEqual({ ...loaded, wanted: 2, toldVersion: 1, told: { ts: '1.2' } });
    });

    it('a page that is asked for while its message is delivered stays a page', async () => {
      await save({ notifications: [notificationOf('inc-1')] });
      const loaded = await read('inc-1:slack:#ops');
      await save({ notifications: [notificationOf('inc-1', { purpose: 'page' })] });
      await save({ delivered: [asTold(loaded)] });
      expect(await read(loaded.id)).toEqual({ ...loaded, purpose: 'page', wanted: 2, toldVersion: 1 });
    });

    it('loses nothing to a transaction that fails', async () => {
      await save({ notifications: [notificationOf('inc-1', { toldVersion: 1 })] });
      const work = store.transact(async (tx) => {
        await tx.save(changesOf({ told: ['inc-1'] }));
        throw new Error('changed its mind');
      });
      await expect(work).rejects.toThrow('changed its mind');
      expect(await dueIds(now)).toEqual([]);
    });

    it('loses nothing to deliveries at the same time', async () => {
      const { id } = notificationOf('inc-1');
      await save({ notifications: [notificationOf('inc-1')] });
      await Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          if (index % 2 === 0) await save({ told: ['inc-1'] });
          else await save({ delivered: [asTold(await read(id))] });
        }),
      );
      expect((await read(id)).wanted).toBe(11);
      await save({ told: ['inc-1'] });
      expect(await dueIds(now)).toEqual([id]);
    });
  });

  it('does not bring a row back that is gone', async () => {
    await save({ delivered: [notificationOf('inc-1')] });
    expect(await store.listNotifications({ limit: 9 })).toEqual([]);
  });

  describe('what is due', () => {
    it('comes by page, severity and age, and not before its time', async () => {
      await save({
        incidents: [incidentOf('inc-low', { severityRank: 3 }), incidentOf('inc-high', { severityRank: 1 })],
        notifications: [
          notificationOf('inc-low', { createdAt: 1 }),
          notificationOf('inc-high', { createdAt: 3, place: 'younger' }),
          notificationOf('inc-high', { createdAt: 2, place: 'older' }),
          notificationOf('inc-low', { createdAt: 9, channel: 'pagerduty', place: 'on-call', purpose: 'page' }),
          notificationOf('', { id: 'bundle', incidentId: null, purpose: 'bundle', createdAt: 8 }),
          notificationOf('inc-high', { place: 'told', toldVersion: 1 }),
          notificationOf('inc-high', { place: 'dead', isDead: true }),
          notificationOf('inc-high', { place: 'later', notBefore: 7_000 }),
          notificationOf('inc-high', { place: 'much later', notBefore: 8_000 }),
          notificationOf('inc-high', { place: 'told later', toldVersion: 1, notBefore: 6_000 }),
        ],
      });
      const { due, nextAt } = await store.dueNotifications(5_000, 100);
      expect(due.map(({ notification, severityRank }) => [notification.id, severityRank])).toEqual([
        ['inc-low:pagerduty:on-call', 3],
        ['bundle', 0],
        ['inc-high:slack:older', 1],
        ['inc-high:slack:younger', 1],
        ['inc-low:slack:#ops', 3],
      ]);
      expect(nextAt).toBe(7_000);
      expect(await dueIds(5_000, 2)).toEqual(['inc-low:pagerduty:on-call', 'bundle']);
      expect((await store.dueNotifications(8_000, 100)).nextAt).toBeNull();
    });

    it('is found among many that were told', async () => {
      await save({
        notifications: Array.from({ length: TOLD_ROWS }, (_, index) => notificationOf(`inc-${index}`, { toldVersion: 1 })),
        told: ['inc-7'],
      });
      expect(await store.dueNotifications(now, 100)).toMatchObject({ due: [{ notification: { incidentId: 'inc-7' } }] });
      expect(await store.listNotifications({ state: 'waiting', limit: 9 })).toHaveLength(1);
    });
  });

  it('lists what is dead, what waits, and what is of an incident, the newest first', async () => {
    await save({
      notifications: [
        notificationOf('inc-1', { createdAt: 1 }),
        notificationOf('inc-2', { createdAt: 2, isDead: true }),
        notificationOf('inc-1', { createdAt: 3, place: '#dba', toldVersion: 1 }),
        notificationOf('inc-1', { createdAt: 4, place: '#late', notBefore: 9_000 }),
      ],
    });
    const list = async (filter: Omit<Parameters<SqliteStore['listNotifications']>[0], 'limit'>, limit = 9) =>
      (await store.listNotifications({ ...filter, limit })).map(({ createdAt }) => createdAt);
    expect(await list({})).toEqual([4, 3, 2, 1]);
    expect(await list({}, 2)).toEqual([4, 3]);
    expect(await list({ state: 'dead' })).toEqual([2]);
    expect(await list({ state: 'waiting' })).toEqual([4, 1]);
    expect(await list({ incidentId: 'inc-1' })).toEqual([4, 3, 1]);
    expect(await list({ incidentId: 'inc-1', state: 'waiting' })).toEqual([4, 1]);
    expect(await list({ incidentId: 'inc-1', state: 'dead' })).toEqual([]);
  });

  it('counts what waits and what is dead, and since when the oldest waits', async () => {
    expect(await store.outbox()).toEqual([
      { channel: 'slack', waiting: 0, dead: 0, oldestAt: null },
      { channel: 'pagerduty', waiting: 0, dead: 0, oldestAt: null },
    ]);
    await save({
      notifications: [
        notificationOf('inc-1', { createdAt: 1_000, toldVersion: 1 }),
        notificationOf('inc-2', { createdAt: 2_000, toldVersion: 1 }),
        notificationOf('inc-3', { createdAt: 3_000, isDead: true }),
        notificationOf('inc-3', { createdAt: 3_000, channel: 'pagerduty' }),
      ],
    });
    now = 6_000;
    await save({ told: ['inc-1'] });
    now = 7_000;
    await save({ told: ['inc-1', 'inc-2'] });
    expect(await store.outbox()).toEqual([
      { channel: 'slack', waiting: 2, dead: 1, oldestAt: 6_000 },
      { channel: 'pagerduty', waiting: 1, dead: 0, oldestAt: 3_000 },
    ]);
    await save({ delivered: [asTold(await read('inc-1:slack:#ops'))] });
    expect((await store.outbox())[0]).toEqual({ channel: 'slack', waiting: 1, dead: 1, oldestAt: 7_000 });
  });

  it('knows the members of a bundle and their incidents', async () => {
    const bundle = notificationOf('', { id: 'bundle-1', incidentId: null, purpose: 'bundle' });
    const members = [
      notificationOf('inc-1', { createdAt: 1, bundleId: 'bundle-1' }),
      notificationOf('inc-2', { createdAt: 2, bundleId: 'bundle-1' }),
    ];
    const incidents = [incidentOf('inc-2', { severityRank: 0 }), incidentOf('inc-1', { severityRank: 2 })];
    await save({
      incidents: [...incidents, incidentOf('inc-3')],
      notifications: [bundle, ...members, notificationOf('inc-3')],
    });
    expect(await store.bundle('bundle-1')).toEqual({ incidents, notifications: members });
    expect(await store.bundle('bundle-9')).toEqual({ incidents: [], notifications: [] });
  });

  it('knows approvals by id and by run, in their order, and replaces them', async () => {
    const first = approvalOf('b', 'run-1', { askedAt: 1 });
    const second = approvalOf('a', 'run-1', { askedAt: 2 });
    await save({ approvals: [second, first, approvalOf('c', 'run-2')] });
    const decided = { ...first, state: 'approved' as const, decidedBy: 'ann', decidedAt: 5 };
    await store.transact(async (tx) => {
      expect(await tx.approvalsOfRuns(['run-1'])).toEqual([first, second]);
      await tx.save(changesOf({ approvals: [decided] }));
    });
    expect(await store.approval('b')).toEqual(decided);
    expect(await store.approval('nobody asked')).toBeUndefined();
  });

  it('knows which requests were taken, for seven days', async () => {
    now = 10 * DAY_MS;
    await save({ requests: [{ id: 'old', at: 3 * DAY_MS - 1 }] });
    await save({ requests: [{ id: 'young', at: 3 * DAY_MS }] });
    await save({ requests: [{ id: 'young', at: 0 }] });
    const taken = async () => [...(await store.transact((tx) => tx.takenRequests(['old', 'young', 'new'])))].sort();
    expect(await taken()).toEqual(['old', 'young']);
    expect(await store.prune(0, 100)).toBe(1);
    expect(await taken()).toEqual(['young']);
  });

  describe('pruning', () => {
    const before = 100;
    const closed = { status: 'resolved', startedAt: 1, resolvedAt: 2, closedAs: 'resolved' } as const;

    it('keeps an incident whose place is still owed something, unless it was given up', async () => {
      await save({
        incidents: ['owed', 'dead', 'told'].map((id) => incidentOf(id, closed)),
        runs: ['owed', 'dead', 'told'].map((id) => runOf(id, { incidentId: id, state: 'ended', endedAt: 2 })),
        approvals: ['owed', 'dead', 'told'].map((id) => approvalOf(`approval ${id}`, id, { incidentId: id })),
        notifications: [
          notificationOf('owed'),
          notificationOf('owed', { place: '#told', toldVersion: 1 }),
          notificationOf('dead', { isDead: true }),
          notificationOf('told', { toldVersion: 1 }),
        ],
      });
      // Two incidents, each with its run, approval and notification.
      expect(await store.prune(before, 100)).toBe(8);
      expect((await store.listIncidents({ limit: 9 })).items.map(({ id }) => id)).toEqual(['owed']);
      expect(await store.listNotifications({ limit: 9 })).toHaveLength(2);
      expect(await Promise.all(['owed', 'dead', 'told'].map((id) => store.approval(`approval ${id}`)))).toEqual([
        approvalOf('approval owed', 'owed', { incidentId: 'owed' }),
        undefined,
        undefined,
      ]);
      await save({ delivered: [asTold(await read('owed:slack:#ops'))] });
      expect(await store.prune(before, 100)).toBe(5);
      expect(await store.listNotifications({ limit: 9 })).toEqual([]);
    });

    it('deletes the approvals of runs without an incident', async () => {
      await save({
        runs: [runOf('run-1', { incidentId: null, state: 'ended', endedAt: 2 })],
        approvals: [approvalOf('approval-1', 'run-1', { incidentId: null })],
      });
      expect(await store.prune(before, 100)).toBe(2);
      expect(await store.approval('approval-1')).toBeUndefined();
    });

    it('deletes old bundles and notices that were told or given up, and no bundle that has members', async () => {
      const loose = (id: string, overrides: Partial<Notification>): Notification =>
        notificationOf('', { id, incidentId: null, purpose: 'notice', createdAt: 1, toldVersion: 1, ...overrides });
      await save({
        incidents: [incidentOf('inc-1')],
        notifications: [
          loose('told', {}),
          loose('given up', { isDead: true, toldVersion: 0 }),
          loose('owed', { toldVersion: 0 }),
          loose('young', { createdAt: before }),
          loose('empty bundle', { purpose: 'bundle' }),
          loose('bundle', { purpose: 'bundle' }),
          notificationOf('inc-1', { bundleId: 'bundle', createdAt: 1 }),
        ],
      });
      expect(await store.prune(before, 2)).toBe(2);
      expect(await store.prune(before, 2)).toBe(1);
      expect(await store.prune(before, 2)).toBe(0);
      const ids = (await store.listNotifications({ limit: 9 })).map(({ id }) => id);
      expect([...ids].sort()).toEqual(['bundle', 'inc-1:slack:#ops', 'owed', 'young']);
    });
  });
});
