import { NotifyError } from '../../src/domain/notifier.ts';
import { incidentOf, notificationOf } from '../support/store-rows.ts';
import { DeliveryStage, type Fate } from './delivery-stage.ts';

/** How many random histories are played. */
const HISTORIES = 150;
const MOVES = 25;

let stage: DeliveryStage;
beforeEach(async () => {
  stage = await new DeliveryStage().open();
});
afterEach(() => stage.close());

/** Everything was told, and nothing twice. Updates may be repeated: they are the same again. */
async function expectEverythingToldOnce(ids: readonly string[]): Promise<void> {
  expect(await stage.waiting()).toEqual([]);
  for (const incident of ids) {
    const taken = stage.vendor.taken.filter(({ id }) => id === `${incident}:slack:#ops`);
    const thread = taken.filter(({ kind }) => kind === 'thread').flatMap(({ says }) => says.split(','));
    expect(taken.filter(({ kind }) => kind === 'post')).toHaveLength(1);
    expect(thread).toEqual(Array.from({ length: stage.says.get(incident) ?? 0 }, (_, index) => String(index + 1)));
    expect(taken.filter(({ kind }) => kind !== 'thread').at(-1)?.says).toBe(String(stage.says.get(incident)));
  }
}

async function open(ids: readonly string[]): Promise<void> {
  for (const id of ids) stage.says.set(id, 1);
  await stage.save({
    incidents: ids.map((id) => incidentOf(id, { groupKey: id })),
    notifications: ids.map((id) => notificationOf(id)),
  });
}

it('tells everything once, wherever it is killed', async () => {
  for (let calls = 0; ; calls += 1) {
    await stage.close();
    stage = await new DeliveryStage().open();
    stage.start(calls);
    await open(['inc-1']);
    await stage.clock.advance(5_000);
    await stage.tell('inc-1');
    await stage.clock.advance(5_000);
    const wasKilled = stage.isKilled;
    if (wasKilled) stage.start();
    await stage.clock.advance(60_000);
    await expectEverythingToldOnce(['inc-1']);
    if (!wasKilled || calls > 200) break;
  }
});

it('tells a storm as one bundle, wherever it is killed', async () => {
  const ids = Array.from({ length: 12 }, (_, index) => `inc-${index}`);
  for (let calls = 0; ; calls += 1) {
    await stage.close();
    stage = await new DeliveryStage().open();
    stage.start(calls);
    await open(ids);
    await stage.clock.advance(5_000);
    await stage.tell('inc-1');
    await stage.clock.advance(5_000);
    const wasKilled = stage.isKilled;
    if (wasKilled) stage.start();
    await stage.clock.advance(60_000);
    expect(await stage.waiting()).toEqual([]);
    const posts = stage.vendor.taken.filter(({ kind }) => kind === 'post');
    expect(posts).toHaveLength(1);
    expect(posts[0]?.says.split(' ').sort()).toEqual(ids.toSorted());
    if (!wasKilled || calls > 200) break;
  }
});

it.each(Array.from({ length: HISTORIES }, (_, seed) => seed + 1))(
  'tells everything, and once, whatever happens in between (history %i)',
  async (seed) => {
    const random = seeded(seed);
    const pick = <T>(choices: readonly [T, ...T[]]): T => choices[Math.floor(random() * choices.length)] ?? choices[0];
    const ids = ['inc-1', 'inc-2', 'inc-3'];
    let isCalm = false;
    stage.vendor.gapMs = pick([0, 300]);
    stage.vendor.fate = (): Fate => {
      if (isCalm) return 'taken';
      return pick<Fate>([
        'taken',
        'taken',
        'taken_but_lost',
        'lost',
        'hangs',
        new NotifyError('passing', '503'),
        new NotifyError('limited', '429', { retryAfterMs: 2_000 }),
        new NotifyError('unauthorized', 'invalid_auth'),
      ]);
    };
    stage.start();
    await open(ids);
    for (let move = 0; move < MOVES; move += 1) {
      const choice = random();
      stage.vendor.findFails = random() < 0.3 ? new NotifyError('passing', '503') : undefined;
      if (choice < 0.4) await stage.tell(pick(['inc-1', 'inc-2', 'inc-3']));
      else if (choice < 0.5) await stage.save({ notifications: [notificationOf('inc-2', { purpose: 'page' })] });
      else if (choice < 0.7) {
        if (!stage.isKilled) stage.kill();
        stage.start(Math.floor(random() * 30));
      } else await stage.clock.advance(Math.floor(random() * 30_000));
    }
    isCalm = true;
    stage.vendor.findFails = undefined;
    stage.kill();
    stage.start();
    await stage.clock.advance(20 * 60_000);
    await expectEverythingToldOnce(ids);
    expect(stage.faults).toEqual([]);
  },
);

/** mulberry32 */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
