import { NotRecordedError } from '../../src/pipeline/pipeline.ts';
import type { Actor, PipelineEvent } from '../../src/pipeline/event.ts';
import { startEdge, type Edge } from './edge.ts';

const actor: Actor = { person: 'ann', role: 'admin', roles: [], via: 'slack' };
const pause: PipelineEvent = { kind: 'pause', actor };

let edge: Edge;
beforeEach(async () => {
  edge = await startEdge();
});
afterEach(() => edge.stop());

describe('a command that is withdrawn', () => {
  it('while it waits for its transaction is never recorded', async () => {
    const { store, pipeline } = edge;
    store.stall();
    const underWay = pipeline.apply({ kind: 'tick' });
    const withdrawal = new AbortController();
    const answer = pipeline.apply(pause, { signal: withdrawal.signal });
    withdrawal.abort();
    await expect(answer).rejects.toBeInstanceOf(NotRecordedError);
    store.goOn();
    await underWay;
    await pipeline.apply({ kind: 'tick' });
    expect((await store.switches()).pausedAt).toBeNull();
    expect(pipeline.waitingAlerts).toBe(0);
  });

  it('before it is given is never recorded', async () => {
    await expect(edge.pipeline.apply(pause, { signal: AbortSignal.abort() })).rejects.toBeInstanceOf(NotRecordedError);
    expect((await edge.store.switches()).pausedAt).toBeNull();
  });

  it('while it is being written is answered as ever', async () => {
    const { store, pipeline } = edge;
    store.stall();
    const withdrawal = new AbortController();
    const answer = pipeline.apply(pause, { signal: withdrawal.signal });
    withdrawal.abort();
    store.goOn();
    expect(await answer).toMatchObject({ ok: true });
    expect((await store.switches()).pausedAt).not.toBeNull();
  });
});
