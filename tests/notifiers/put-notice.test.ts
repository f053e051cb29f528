import { NotifyError } from '../../src/domain/notifier.ts';
import { putNotice } from '../../src/notifiers/put-notice.ts';
import { DeliveryStage } from './delivery-stage.ts';

let stage: DeliveryStage;
beforeEach(async () => {
  stage = await new DeliveryStage().open();
});
afterEach(() => stage.close());

async function remind(text: string): Promise<void> {
  const { clock, store } = stage;
  await clock.hold(putNotice(store, { topic: 'pause', channel: 'slack', place: '#ops', text }, clock.now()));
  await clock.advance(60_000);
}

const posts = (): readonly string[] => stage.vendor.taken.map(({ kind, says }) => `${kind} ${says}`);

describe('a notice', () => {
  it('is told anew each time', async () => {
    stage.start();
    await remind('paused for 1h');
    await remind('paused for 2h');
    expect(posts()).toEqual(['post paused for 1h', 'post paused for 2h']);
    expect(await stage.waiting()).toEqual([]);
  });

  it('that waits is replaced by the next one of its topic', async () => {
    stage.vendor.fate = () => new NotifyError('passing', 'connection refused');
    stage.start();
    for (const hours of [1, 2, 3]) await remind(`paused for ${hours}h`);
    stage.vendor.fate = () => 'taken';
    await stage.clock.advance(300_000);
    expect(posts()).toEqual(['post paused for 3h']);
  });
});
