import { listNotifications, retryNotification } from '../../src/cli/notifications.ts';
import { changesOf, incidentOf, notificationOf } from '../support/store-rows.ts';
import { startEdge, tokenOf, type Edge } from './edge.ts';

let edge: Edge;
beforeEach(async () => {
  edge = await startEdge();
  await edge.store.transact((tx) =>
    tx.save(
      changesOf({
        incidents: [incidentOf('inc-1')],
        notifications: [
          notificationOf('inc-1', {
            place: '#gone',
            createdAt: 3_000,
            isDead: true,
            attempts: 1,
            lastError: 'channel_not_found',
          }),
          notificationOf('inc-1', { place: '#busy', createdAt: 2_000, notBefore: 9_000_000_000_000 }),
          notificationOf('inc-1', { place: '#told', createdAt: 1_000, toldVersion: 1, told: {} }),
        ],
      }),
    ),
  );
});
afterEach(() => edge.stop());

const dead = 'inc-1:slack:#gone';
const pathOf = (id: string): string => `/api/v1/notifications/${encodeURIComponent(id)}/retry`;

describe('what people were told', () => {
  it('says what waits, what was given up, and why', async () => {
    const response = await edge.api('GET', '/api/v1/notifications', 'viewer');
    expect(await response.json()).toEqual({
      notifications: [
        {
          id: dead,
          incident: 'inc-1',
          channel: 'slack',
          place: '#gone',
          purpose: 'message',
          state: 'dead',
          bundle: null,
          created_at: '1970-01-01T00:00:03.000Z',
          next_try_at: null,
          attempts: 1,
          error: 'channel_not_found',
        },
        expect.objectContaining({ place: '#busy', state: 'waiting', next_try_at: '2255-03-14T16:00:00.000Z' }),
        expect.objectContaining({ place: '#told', state: 'told', next_try_at: null }),
      ],
    });
  });

  it.each([
    ['waiting', { toldVersion: 0 }],
    ['dead', { toldVersion: 0, isDead: true }],
    ['told', { toldVersion: 1, told: {} }],
  ])('says of what is told in a bundle that it is %s as the bundle is', async (state, overrides) => {
    const bundle = notificationOf('inc-1', {
      id: 'bundle-1',
      incidentId: null,
      purpose: 'bundle',
      createdAt: 5_000,
      ...overrides,
    });
    const member = notificationOf('inc-1', { place: '#many', createdAt: 4_000, bundleId: bundle.id, toldVersion: 1 });
    await edge.store.transact((tx) => tx.save(changesOf({ notifications: [bundle, member] })));
    const response = await edge.api('GET', '/api/v1/notifications?limit=2', 'viewer');
    expect(await response.json()).toMatchObject({
      notifications: [
        { id: 'bundle-1', state },
        { id: member.id, bundle: 'bundle-1', state },
      ],
    });
  });

  it('can be asked for by its state', async () => {
    const response = await edge.api('GET', '/api/v1/notifications?state=dead', 'viewer');
    expect(await response.json()).toMatchObject({ notifications: [{ id: dead }] });
    expect((await edge.api('GET', '/api/v1/notifications?state=lost', 'viewer')).status).toBe(400);
  });

  it('is tried again by a responder, whatever was given up', async () => {
    expect((await edge.api('POST', pathOf(dead), 'viewer', {})).status).toBe(403);
    expect((await edge.api('POST', pathOf(dead), 'responder', {})).status).toBe(200);
    const waiting = await edge.api('GET', '/api/v1/notifications?state=waiting', 'viewer');
    expect(await waiting.json()).toMatchObject({ notifications: [{ id: dead, attempts: 0 }, { place: '#busy' }] });
  });

  it('is tried again with its bundle', async () => {
    const bundle = notificationOf('inc-1', { id: 'bundle-1', incidentId: null, purpose: 'bundle', isDead: true, attempts: 3 });
    const member = notificationOf('inc-1', { place: '#many', bundleId: bundle.id, toldVersion: 1 });
    await edge.store.transact((tx) => tx.save(changesOf({ notifications: [bundle, member] })));
    expect((await edge.api('POST', pathOf(member.id), 'responder', {})).status).toBe(200);
    const [row] = await edge.store.transact((tx) => tx.notifications([bundle.id]));
    expect(row).toMatchObject({ isDead: false, attempts: 0 });
  });

  it('is not tried again when nothing is owed, or nothing is there', async () => {
    expect((await edge.api('POST', pathOf('inc-1:slack:#told'), 'responder', {})).status).toBe(409);
    expect((await edge.api('POST', pathOf('inc-2:slack:#told'), 'responder', {})).status).toBe(404);
  });

  it('is on the metrics page by who tells it', async () => {
    const text = await (await edge.api('GET', '/metrics')).text();
    expect(text).toContain('remedyd_notification_queue_depth{channel="log"} 1');
    expect(text).toMatch(/remedyd_notification_oldest_seconds\{channel="log"\} [1-9]/);
  });
});

describe('the command line', () => {
  it('lists and retries', async () => {
    const options = { url: edge.url, token: tokenOf('responder'), limit: '10' };
    const printed: string[] = [];
    await listNotifications({ ...options, state: 'dead' }, (text) => void printed.push(text));
    await retryNotification(dead, options, (text) => void printed.push(text));
    await listNotifications({ ...options, state: 'dead' }, (text) => void printed.push(text));
    expect(printed[0]).toContain('channel_not_found');
    expect(printed.slice(1)).toEqual([`${dead} is tried again now`, 'there is none']);
    await expect(listNotifications({ ...options, state: 'lost' }, () => undefined)).rejects.toThrow('--state lost');
  });
});
