import fc from 'fast-check';
import { TimerHeap } from '../../src/rule-tests/timer-heap.ts';
import { VirtualClock } from '../../src/rule-tests/virtual-clock.ts';

test('time passes timer by timer, and only when the test says so', async () => {
  const clock = new VirtualClock(1_000);
  const seen: [string, number][] = [];
  const wait = async (): Promise<void> => {
    await clock.sleep(10);
    seen.push(['first', clock.now()]);
    await clock.sleep(5);
    seen.push(['last', clock.now()]);
  };
  const waits = [wait(), clock.sleep(12).then(() => seen.push(['second', clock.now()]))];
  await clock.advance(12);
  expect(seen).toEqual([
    ['first', 1_010],
    ['second', 1_012],
  ]);
  await clock.run();
  await Promise.all(waits);
  expect(seen[2]).toEqual(['last', 1_015]);
  expect(clock.pending).toBe(0);
});

test('a sleep rejects with the reason of its signal, and leaves no timer', async () => {
  const clock = new VirtualClock();
  const controller = new AbortController();
  const sleep = clock.sleep(100, controller.signal);
  controller.abort(new Error('the daemon stops'));
  await expect(sleep).rejects.toThrow('the daemon stops');
  expect(clock.pending).toBe(0);
});

test('a timeout fires by the monotonic clock, whatever the wall clock does', async () => {
  const clock = new VirtualClock(1_000);
  const timeout = clock.timeout(50);
  clock.stepWallClock(-500);
  await clock.advance(50);
  expect(timeout.signal.reason).toMatchObject({ name: 'TimeoutError' });
  expect([clock.now(), clock.monotonic()]).toEqual([550, 50]);
});

test('a disposed timeout leaves no timer', () => {
  const clock = new VirtualClock();
  clock.timeout(5)[Symbol.dispose]();
  expect(clock.pending).toBe(0);
});

test('time stands still while real work is held', async () => {
  const clock = new VirtualClock();
  let isDone = false;
  const work = new Promise<void>((resolve) => setTimeout(resolve, 5)).then(() => void (isDone = true));
  void clock.hold(work);
  const sleep = clock.sleep(1).then(() => expect(isDone).toBe(true));
  await clock.advance(1);
  await sleep;
});

test('waiting for what cannot come true is an error', async () => {
  await expect(new VirtualClock().run(() => false)).rejects.toThrow('no timer is left');
});

test('timers fire in the order of their time, then of their setting, without those that were stopped', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ at: fc.nat(20), isStopped: fc.boolean() }), { maxLength: 60 }), (timers) => {
      const heap = new TimerHeap();
      const fired: number[] = [];
      const stops = timers.map(({ at }, index) => heap.set(at, () => fired.push(index)));
      timers.forEach(({ isStopped }, index) => isStopped && stops[index]?.());
      const waiting = timers.flatMap(({ at, isStopped }, index) => (isStopped ? [] : [{ at, index }]));
      expect(heap.size).toBe(waiting.length);
      for (let next = heap.take(); next !== undefined; next = heap.take()) next.fire();
      expect(fired).toEqual(waiting.toSorted((a, b) => a.at - b.at || a.index - b.index).map(({ index }) => index));
      expect([heap.size, heap.nextAt]).toEqual([0, Infinity]);
    }),
  );
});
