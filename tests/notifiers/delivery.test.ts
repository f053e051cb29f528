import { NotifyError } from '../../src/domain/notifier.ts';
import type { Notification } from '../../src/domain/state.ts';
import { approvalOf, incidentOf, notificationOf, runOf } from '../support/store-rows.ts';
import { DeliveryStage, type Fate } from './delivery-stage.ts';

const HOUR_MS = 3_600_000;
const REFUSING = new NotifyError('passing', 'connection refused');

let stage: DeliveryStage;
beforeEach(async () => {
  stage = await new DeliveryStage().open();
});
afterEach(() => stage.close());

/** Incidents with one message each, that have something to say. */
async function open(ids: readonly string[], overrides: Partial<Notification> = {}, severityRank = 0): Promise<void> {
  for (const id of ids) stage.says.set(id, 1);
  await stage.save({
    incidents: ids.map((id) => incidentOf(id, { groupKey: id, severityRank })),
    notifications: ids.map((id) => notificationOf(id, { createdAt: stage.clock.now(), ...overrides })),
  });
}

const said = (id: string): readonly string[] =>
  stage.vendor.taken.filter((taken) => taken.id === id).map(({ kind, says }) => `${kind} ${says}`);

describe('what a place is told', () => {
  it('is one message that is updated, and each entry of the story once', async () => {
    stage.start();
    await open(['inc-1']);
    await stage.clock.advance(1_000);
    await stage.tell('inc-1');
    await stage.clock.advance(1_000);
    expect(said('inc-1:slack:#ops')).toEqual(['post 1', 'thread 1', 'update 2', 'thread 2']);
    expect(await stage.row('inc-1:slack:#ops')).toMatchObject({ toldVersion: 2, wanted: 2, underWay: null, toldPosition: 2 });
  });

  it('is told once after an hour in which the vendor refused every connection, within a few requests', async () => {
    stage.start();
    stage.vendor.fate = () => REFUSING;
    await open(['inc-1']);
    for (let minute = 0; minute < 60; minute += 1) {
      await stage.tell('inc-1');
      await stage.clock.advance(HOUR_MS / 60);
    }
    const refused = stage.vendor.asked.length;
    expect(refused).toBeLessThan(25);
    stage.vendor.fate = () => 'taken';
    await stage.clock.advance(5 * 60_000);
    const everything = Array.from({ length: 61 }, (_, index) => index + 1).join(',');
    expect(said('inc-1:slack:#ops')).toEqual(['post 61', `thread ${everything}`]);
    expect(await stage.waiting()).toEqual([]);
  });

  it('is owed more when more happened while it was being told', async () => {
    stage.start();
    let isTold = false;
    stage.vendor.fate = () => {
      if (!isTold) void stage.tell('inc-1');
      isTold = true;
      return 'taken';
    };
    await open(['inc-1']);
    await stage.clock.advance(5_000);
    expect(said('inc-1:slack:#ops')).toEqual(['post 1', 'update 2', 'thread 1,2']);
    expect(await stage.waiting()).toEqual([]);
  });

  it('stays a page when it became one while it was being told', async () => {
    stage.start();
    let isAsked = false;
    stage.vendor.fate = () => {
      if (!isAsked) void stage.save({ notifications: [notificationOf('inc-1', { purpose: 'page' })] });
      isAsked = true;
      return 'taken';
    };
    await open(['inc-1']);
    await stage.clock.advance(5_000);
    expect(await stage.row('inc-1:slack:#ops')).toMatchObject({ purpose: 'page' });
    expect(await stage.waiting()).toEqual([]);
  });

  it('is nothing when its incident is gone', async () => {
    stage.start();
    await stage.save({ notifications: [notificationOf('inc-gone')] });
    await stage.clock.advance(1_000);
    expect(stage.vendor.asked).toEqual([]);
    expect(await stage.waiting()).toEqual([]);
  });
});

describe('a message whose fate is unknown', () => {
  it('is looked for, and not sent again when it is found', async () => {
    const fates: Fate[] = ['taken_but_lost'];
    stage.vendor.fate = () => fates.shift() ?? 'taken';
    stage.start();
    await open(['inc-1']);
    await stage.clock.advance(10_000);
    expect(said('inc-1:slack:#ops')).toEqual(['post 1', 'thread 1']);
    expect(stage.vendor.asked).toContain('find inc-1:slack:#ops post ');
  });

  it('is sent again when it is not found', async () => {
    const fates: Fate[] = ['lost'];
    stage.vendor.fate = () => fates.shift() ?? 'taken';
    stage.start();
    await open(['inc-1']);
    await stage.clock.advance(10_000);
    expect(said('inc-1:slack:#ops')).toEqual(['post 1', 'thread 1']);
  });

  it('waits while nobody can look, and is sent again when looking is refused for good', async () => {
    const fates: Fate[] = ['lost'];
    stage.vendor.fate = () => fates.shift() ?? 'taken';
    stage.vendor.findFails = REFUSING;
    stage.start();
    await open(['inc-1']);
    await stage.clock.advance(60_000);
    expect(said('inc-1:slack:#ops')).toEqual([]);
    stage.vendor.findFails = new NotifyError('refused', 'missing_scope');
    await stage.clock.advance(300_000);
    expect(said('inc-1:slack:#ops')).toEqual(['post 1', 'thread 1']);
  });

  it('is sent again without a look when that is the same as sending it once', async () => {
    const fates: Fate[] = ['taken_but_lost'];
    stage.vendor.isRepeatableOnly = true;
    stage.vendor.fate = () => fates.shift() ?? 'taken';
    stage.start();
    await open(['inc-1']);
    await stage.clock.advance(10_000);
    expect(stage.vendor.asked.filter((asked) => asked.startsWith('find'))).toEqual([]);
    expect(said('inc-1:slack:#ops')).toEqual(['post 1', 'post 1', 'thread 1']);
  });

  it('is one that hangs, after its time', async () => {
    const fates: Fate[] = ['hangs'];
    stage.vendor.fate = () => fates.shift() ?? 'taken';
    stage.start();
    await open(['inc-1']);
    await stage.clock.advance(14_000);
    expect((await stage.row('inc-1:slack:#ops')).underWay).not.toBeNull();
    await stage.clock.advance(10_000);
    expect(stage.vendor.asked[1]).toBe('find inc-1:slack:#ops post ');
    expect(said('inc-1:slack:#ops')).toEqual(['post 1', 'thread 1']);
  });
});

describe('lanes', () => {
  it('keep their gap, and let the most urgent go first', async () => {
    stage.vendor.gapMs = 1_000;
    stage.vendor.fate = ({ kind }) => (kind === 'post' ? 'taken' : REFUSING);
    await open(['late', 'urgent']);
    await open(['paged'], { purpose: 'page' });
    await stage.save({
      incidents: [
        incidentOf('late', { groupKey: 'late', severityRank: 3 }),
        incidentOf('paged', { groupKey: 'paged', severityRank: 3 }),
      ],
    });
    stage.start();
    await stage.clock.advance(20_000);
    const posts = stage.vendor.taken.filter(({ kind }) => kind === 'post');
    expect(posts.map(({ id }) => id.split(':')[0])).toEqual(['paged', 'urgent', 'late']);
    const gaps = posts.slice(1).map(({ at }, index) => at - (posts[index]?.at ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1_000);
  });

  it('let people hear of every incident before the details of one', async () => {
    stage.vendor.gapMs = 1_000;
    await open(['inc-1', 'inc-2', 'inc-3']);
    stage.start();
    await stage.clock.advance(10_000);
    const kinds = stage.vendor.taken.map(({ kind }) => kind);
    expect(kinds).toEqual(['post', 'post', 'post', 'thread', 'thread', 'thread']);
  });

  it('do not wait for one that hangs', async () => {
    stage.vendor.fate = (_, { place }) => (place === '#hangs' ? 'hangs' : 'taken');
    stage.start();
    await open(['inc-1'], { place: '#hangs', id: 'a' });
    await open(['inc-2']);
    await stage.clock.advance(1_000);
    expect(said('inc-2:slack:#ops')).toEqual(['post 1', 'thread 1']);
  });

  it('rest as long as the vendor says, alone', async () => {
    const limited = new NotifyError('limited', 'slow down', { retryAfterMs: 30_000 });
    let isLimited = true;
    stage.vendor.fate = (_, { place }) => (place === '#ops' && isLimited ? limited : 'taken');
    stage.start();
    await open(['inc-1', 'inc-2']);
    await open(['inc-3'], { place: '#other', id: 'c' });
    await stage.clock.advance(29_000);
    isLimited = false;
    expect(stage.vendor.asked.filter((asked) => asked.includes('#ops'))).toHaveLength(1);
    expect(said('c')).toEqual(['post 1', 'thread 1']);
    await stage.clock.advance(5_000);
    expect(await stage.waiting()).toEqual([]);
  });

  it('make no more requests at once than one vendor should have', async () => {
    stage.vendor.fate = () => 'hangs';
    stage.start();
    for (let index = 0; index < 30; index += 1) await open([`inc-${index}`], { place: `#${index}`, id: `n-${index}` });
    await stage.clock.advance(1_000);
    expect(stage.vendor.mostUnderWay).toBe(16);
  });
});

describe('a message that is not taken', () => {
  it('is given up when it is refused for good, and the story hears of it', async () => {
    stage.vendor.fate = () => new NotifyError('unreachable_place', 'channel_not_found');
    stage.start();
    await open(['inc-1']);
    await stage.clock.advance(HOUR_MS);
    expect(stage.vendor.asked).toHaveLength(1);
    expect(stage.reports).toEqual([
      {
        kind: 'undeliverable',
        notificationId: 'inc-1:slack:#ops',
        incidentId: 'inc-1',
        place: '#ops',
        error: 'channel_not_found',
        isPlaceAtFault: true,
      },
    ]);
    expect(await stage.row('inc-1:slack:#ops')).toMatchObject({ isDead: true, lastError: 'channel_not_found', underWay: null });
    expect(stage.outcomes.map(({ outcome }) => outcome)).toEqual(['dead']);
  });

  it('is not given up before the story has heard of it', async () => {
    stage.vendor.fate = () => new NotifyError('refused', 'msg_too_long');
    stage.reportFails = true;
    stage.start();
    await open(['inc-1']);
    await stage.clock.advance(5_000);
    expect(await stage.row('inc-1:slack:#ops')).toMatchObject({ isDead: false });
    stage.reportFails = false;
    await stage.clock.advance(HOUR_MS);
    expect(stage.reports).toHaveLength(1);
    expect(await stage.row('inc-1:slack:#ops')).toMatchObject({ isDead: true });
  });

  it('is tried again when a person says so', async () => {
    const fates: Fate[] = [new NotifyError('refused', 'is_archived')];
    stage.vendor.fate = () => fates.shift() ?? 'taken';
    const delivery = stage.start();
    await open(['inc-1']);
    await stage.clock.advance(5_000);
    expect(await stage.clock.hold(delivery.retryNotification('inc-1:slack:#ops'))).toBe('due');
    await stage.clock.advance(5_000);
    expect(said('inc-1:slack:#ops')).toEqual(['post 1', 'thread 1']);
    expect(await stage.clock.hold(delivery.retryNotification('inc-1:slack:#ops'))).toBe('nothing_owed');
    expect(await stage.clock.hold(delivery.retryNotification('nobody'))).toBe('not_found');
  });

  it('is tried every 5 minutes while the credentials are refused, with one line in the log, and at once when they are new', async () => {
    const refused = new NotifyError('unauthorized', 'invalid_auth');
    stage.vendor.fate = () => refused;
    const delivery = stage.start();
    await open(['inc-1']);
    await open(['inc-2'], { place: '#other', id: 'b', notBefore: stage.clock.now() + 1_000 });
    await stage.clock.advance(4 * 60_000);
    expect(stage.vendor.asked).toHaveLength(1);
    expect(stage.errors).toHaveLength(1);
    stage.vendor.fate = () => 'taken';
    delivery.notifiersChanged();
    await stage.clock.advance(1_000);
    expect(said('b')).toEqual(['post 1', 'thread 1']);
    expect(await stage.waiting()).toEqual([]);
  });

  it('waits for a defect, and takes nothing else with it', async () => {
    stage.vendor.fate = (_, { incidentId }) => {
      if (incidentId === 'inc-1') throw new TypeError('a defect');
      return 'taken';
    };
    stage.start();
    await open(['inc-1', 'inc-2']);
    await stage.clock.advance(60_000);
    expect(stage.faults[0]).toBeInstanceOf(TypeError);
    expect(stage.vendor.asked.length).toBeLessThan(20);
    expect(said('inc-2:slack:#ops')).toEqual(['post 1', 'thread 1']);
  });
});

describe('a vendor that is back after an hour', () => {
  it('is told everything within a minute of its first message, at its pace, each thing once', async () => {
    stage.vendor.fate = () => REFUSING;
    stage.vendor.laneOf = () => 'one for all';
    stage.vendor.gapMs = 500;
    stage.start();
    const ids = Array.from({ length: 40 }, (_, index) => `inc-${index}`);
    for (const id of ids) {
      await open([id], { place: `#${id}`, id });
      await stage.clock.advance(HOUR_MS / ids.length);
    }
    const refused = stage.vendor.asked.length;
    expect(refused).toBeLessThan(25 * ids.length);
    stage.vendor.fate = () => 'taken';
    await open(['inc-new'], { id: 'inc-new' });
    await stage.clock.advance(60_000);
    expect(await stage.waiting()).toEqual([]);
    for (const id of [...ids, 'inc-new']) expect(said(id)).toEqual(['post 1', 'thread 1']);
    expect(stage.vendor.asked).toHaveLength(refused + 2 * (ids.length + 1));
    const gaps = stage.vendor.taken.slice(1).map(({ at }, index) => at - (stage.vendor.taken[index]?.at ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(500);
  });

  it('is not asked all the time for what it fails at while it takes the rest', async () => {
    stage.vendor.fate = (_, { id }) => (id === 'inc-bad' ? REFUSING : 'taken');
    stage.start();
    await open(['inc-bad'], { place: '#bad', id: 'inc-bad' });
    await open(['inc-good'], { id: 'inc-good' });
    for (let second = 0; second < 600; second += 1) {
      await stage.tell('inc-good');
      await stage.clock.advance(1_000);
    }
    expect(stage.vendor.asked.filter((asked) => asked.endsWith('inc-bad')).length).toBeLessThan(25);
  });

  it('has what it limited wait as long as it said', async () => {
    const limited = new NotifyError('limited', 'ratelimited', { retryAfterMs: 120_000 });
    stage.vendor.fate = (_, { id }) => (id === 'inc-limited' ? limited : id === 'inc-down' ? REFUSING : 'taken');
    stage.start();
    await open(['inc-limited'], { place: '#limited', id: 'inc-limited' });
    await open(['inc-down'], { place: '#down', id: 'inc-down' });
    await stage.clock.advance(500);
    const { notBefore } = await stage.row('inc-limited');
    await open(['inc-good'], { id: 'inc-good' });
    await stage.clock.advance(10_000);
    expect(said('inc-good')).toEqual(['post 1', 'thread 1']);
    expect(await stage.row('inc-limited')).toMatchObject({ notBefore, attempts: 1 });
  });
});

describe('a stop', () => {
  it('lets what is under way end, and begins nothing new', async () => {
    const answers: (() => void)[] = [];
    const vendorSend = stage.vendor.send.bind(stage.vendor);
    stage.vendor.send = async (operation, row, signal) => {
      await new Promise<void>((resolve) => answers.push(resolve));
      return vendorSend(operation, row, signal);
    };
    const delivery = stage.start();
    await open(['inc-1']);
    await stage.clock.advance(1_000);
    const stopped = delivery.stop(10_000);
    answers[0]?.();
    await stage.clock.advance(1);
    await stopped;
    expect(said('inc-1:slack:#ops')).toEqual(['post 1']);
    expect(await stage.row('inc-1:slack:#ops')).toMatchObject({ underWay: null, told: { says: '1' } });
  });

  it('leaves what does not end under way, for the next process to look for', async () => {
    stage.vendor.fate = () => 'hangs';
    const delivery = stage.start();
    await open(['inc-1']);
    await stage.clock.advance(1_000);
    const stopped = delivery.stop(10_000);
    await stage.clock.advance(10_000);
    await stopped;
    expect((await stage.row('inc-1:slack:#ops')).underWay).toMatchObject({ kind: 'post' });
  });

  it('may come before the start', async () => {
    const delivery = stage.start();
    const stopped = delivery.stop(0);
    await stage.clock.advance(1);
    await stopped;
    expect(stage.clock.pending).toBe(0);
  });
});

describe('a storm', () => {
  const ids = Array.from({ length: 30 }, (_, index) => `inc-${index}`);
  const bundleId = 'bundle_1:slack:#ops';

  it('is one message that is kept up to date', async () => {
    stage.start();
    await open(ids);
    await stage.clock.advance(5_000);
    expect(stage.vendor.taken).toHaveLength(1);
    expect(stage.vendor.taken[0]).toMatchObject({ id: bundleId, kind: 'post' });
    await open(['inc-30']);
    await stage.tell('inc-3', 'inc-4');
    await stage.clock.advance(5_000);
    expect(new Set(stage.vendor.taken.map(({ id }) => id))).toEqual(new Set([bundleId]));
    expect(stage.vendor.taken.at(-1)?.says).toContain('inc-30');
    expect(await stage.waiting()).toEqual([]);
  });

  it('of a thousand is a few messages', async () => {
    const many = Array.from({ length: 1_000 }, (_, index) => `many-${index}`);
    await open(many);
    stage.start();
    await stage.clock.advance(5_000);
    expect(new Set(stage.vendor.taken.map(({ id }) => id))).toEqual(new Set([bundleId]));
    expect(stage.vendor.taken.length).toBeLessThan(5);
    expect(stage.vendor.taken.at(-1)?.says.split(' ')).toHaveLength(many.length);
    expect(await stage.waiting()).toEqual([]);
  });

  it('is not what comes a minute later', async () => {
    stage.start();
    await open(ids);
    await stage.clock.advance(61_000);
    await open(['inc-30']);
    await stage.clock.advance(5_000);
    expect(said('inc-30:slack:#ops')).toEqual(['post 1', 'thread 1']);
  });

  it('swallows nothing that is more urgent than all in it', async () => {
    stage.start();
    await open(ids, {}, 2);
    await stage.clock.advance(5_000);
    await open(['as-urgent'], {}, 2);
    await open(['urgent'], {}, 1);
    await stage.clock.advance(5_000);
    expect(said('as-urgent:slack:#ops')).toEqual([]);
    expect(said('urgent:slack:#ops')).toEqual(['post 1', 'thread 1']);
  });

  it('is another message when many come that are more urgent', async () => {
    stage.start();
    await open(ids, {}, 2);
    await stage.clock.advance(5_000);
    const urgent = Array.from({ length: 30 }, (_, index) => `urgent-${index}`);
    await open(urgent, {}, 1);
    await stage.clock.advance(5_000);
    await open(['late'], {}, 2);
    await stage.clock.advance(5_000);
    const posts = stage.vendor.taken.filter(({ kind }) => kind === 'post');
    expect(posts.map(({ id }) => id)).toEqual([bundleId, 'bundle_2:slack:#ops']);
    expect(stage.vendor.taken.at(-1)?.says.split(' ').toSorted()).toEqual([...urgent, 'late'].toSorted());
  });

  it('takes in nothing that begins more than ten minutes after it', async () => {
    stage.start();
    await open(ids);
    for (let minute = 0; minute < 12; minute += 1) {
      await stage.clock.advance(59_000);
      await open([`late-${minute}`]);
    }
    await stage.clock.advance(5_000);
    expect(said('late-9:slack:#ops')).toEqual([]);
    expect(said('late-11:slack:#ops')).toEqual(['post 1', 'thread 1']);
  });

  it('holds up nothing else with its figures', async () => {
    stage.vendor.laneOf = () => 'one';
    stage.start();
    await open(['first', 'second'], {}, 2);
    await stage.clock.advance(5_000);
    await open(ids, {}, 1);
    await stage.clock.advance(5_000);
    stage.vendor.gapMs = 10_000;
    await stage.tell('first');
    await stage.clock.advance(1_000);
    await open(['late'], {}, 1);
    await stage.tell('second');
    const before = stage.vendor.taken.length;
    await stage.clock.advance(60_000);
    expect(stage.vendor.taken.slice(before).map(({ id }) => id.split(':')[0])).toEqual(['first', 'second', 'second', 'bundle_1']);
  });

  it('lets an incident speak for itself that asks people something, ten of them at most', async () => {
    stage.start();
    await open(ids);
    await stage.clock.advance(5_000);
    const asking = ids.slice(0, 12);
    await stage.save({
      runs: asking.map((id) => runOf(`run-${id}`, { incidentId: id, state: 'held' })),
      approvals: asking.map((id) => approvalOf(`approval-${id}`, `run-${id}`, { incidentId: id })),
    });
    await stage.tell(...asking);
    await stage.clock.advance(30_000);
    const alone = new Set(stage.vendor.taken.map(({ id }) => id).filter((id) => id !== bundleId));
    expect(alone.size).toBe(10);
    expect(await stage.waiting()).toEqual([]);
  });

  it('has its story hear of it when its message cannot be delivered', async () => {
    stage.vendor.fate = () => new NotifyError('unreachable_place', 'is_archived');
    stage.start();
    await open(ids);
    await stage.clock.advance(5_000);
    expect(new Set(stage.reports.map(({ incidentId }) => incidentId))).toEqual(new Set(ids));
  });

  it('swallows nothing into a bundle that was given up', async () => {
    const fates: Fate[] = [new NotifyError('unreachable_place', 'is_archived')];
    stage.vendor.fate = () => fates.shift() ?? 'taken';
    stage.start();
    await open(ids);
    await stage.clock.advance(5_000);
    await open(['inc-30']);
    await stage.clock.advance(5_000);
    expect(said('inc-30:slack:#ops')).toEqual(['post 1', 'thread 1']);
  });

  it('of eleven in channels of their own is eleven messages', async () => {
    stage.start();
    for (const id of ids.slice(0, 11)) await open([id], { place: 'own', id: `${id}:slack:own` });
    await stage.clock.advance(5_000);
    expect(stage.vendor.taken.filter(({ kind }) => kind === 'post')).toHaveLength(11);
  });
});

describe('the outbox at rest', () => {
  it('is looked at once a minute', async () => {
    let looks = 0;
    const due = stage.store.dueNotifications.bind(stage.store);
    stage.store.dueNotifications = (now, limit) => {
      looks += 1;
      return due(now, limit);
    };
    stage.start();
    await stage.clock.advance(10 * 60_000);
    expect(looks).toBeLessThanOrEqual(12);
  });
});
