import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import type { Clock } from '../../src/domain/clock.ts';
import type { AlertmanagerConnection } from '../../src/domain/connection.ts';
import { Secret } from '../../src/domain/secret.ts';
import { SystemClock } from '../../src/domain/system-clock.ts';
import type { PipelineEvent } from '../../src/pipeline/event.ts';
import { Loop } from '../../src/schedules/loop.ts';
import { reconcileAlertmanagers } from '../../src/schedules/reconcile-alertmanagers.ts';
import { createStaleness } from '../../src/schedules/staleness.ts';
import { createPauseReminder } from '../../src/schedules/pause-reminder.ts';
import { createTick } from '../../src/schedules/tick.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { startAlertmanager } from '../support/servers/alertmanager.ts';
import { alertOf, payloadOf, startEdge, type Edge } from './edge.ts';

const HOUR_MS = 3_600_000;

let edge: Edge;
beforeEach(async () => {
  edge = await startEdge();
});
afterEach(() => edge.stop());

const isNoFault = (message: string): never => {
  throw new Error(message);
};

/** The real clock, but a loop that waits on it has done its one round. */
function oneRound(): { readonly clock: Clock; readonly done: Promise<unknown> } {
  const real = new SystemClock();
  const done = Promise.withResolvers<undefined>();
  const sleep = (): Promise<void> => {
    done.resolve(undefined);
    return Promise.reject(new Error('one round'));
  };
  // A little later than what was just written.
  const now = (): number => real.now() + 1_000;
  return { clock: { now, sleep, monotonic: () => real.monotonic(), timeout: (ms) => real.timeout(ms) }, done: done.promise };
}

/** What Alertmanager's API answers, as documented for v2. */
interface FakeAnswers {
  upSince: number;
  alerts: { labels: Record<string, string>; status: { state: string } }[];
  isBroken: boolean;
}

async function serve(answers: FakeAnswers): Promise<{ connection: AlertmanagerConnection; server: Server; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.headers.authorization ?? ''} ${request.url ?? ''}`);
    if (answers.isBroken) response.statusCode = 500;
    response.end(
      JSON.stringify(
        request.url?.includes('/status') === true ? { uptime: new Date(answers.upSince).toISOString() } : answers.alerts,
      ),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/prefix`;
  return { connection: { kind: 'alertmanager', name: 'main', url, bearerToken: new Secret('am-token') }, server, asked };
}

describe('reconciliation', () => {
  const labels = { alertname: 'Act', name: 'web' };
  let answers: readonly [FakeAnswers, FakeAnswers];
  let connections: AlertmanagerConnection[];
  let servers: Server[];
  let asked: string[];
  let events: PipelineEvent[];
  let faults: string[];

  beforeEach(async () => {
    answers = [
      { upSince: Date.now() - HOUR_MS, alerts: [], isBroken: false },
      { upSince: Date.now() - HOUR_MS, alerts: [], isBroken: false },
    ];
    const served = await Promise.all(answers.map(serve));
    connections = served.map(({ connection }) => connection);
    servers = served.map(({ server }) => server);
    asked = served[0]?.asked ?? [];
    events = [];
    faults = [];
    await edge.post(payloadOf([alertOf(labels)]));
  });
  afterEach(async () => {
    for (const server of servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  async function look(): Promise<readonly PipelineEvent[]> {
    events = [];
    await reconcileAlertmanagers(
      {
        connections: () => connections,
        store: edge.store,
        pipeline: {
          apply: (event) => {
            events.push(event);
            return edge.pipeline.apply(event);
          },
        },
        clock: new SystemClock(),
        onFault: (message) => void faults.push(message),
      },
      new AbortController().signal,
    );
    return events;
  }
  const seen = (): unknown[] =>
    events.flatMap((event) => (event.kind === 'reconciled' ? event.looks.map((each) => each.seen) : []));

  it('asks below the path of the configured address, with its credentials', async () => {
    await look();
    expect(asked).toEqual([
      'Bearer am-token /prefix/api/v2/status',
      'Bearer am-token /prefix/api/v2/alerts?active=true&silenced=true&inhibited=true',
    ]);
  });

  it('finds an alert absent that none of them has', async () => {
    expect(await look()).toEqual([
      { kind: 'reconciled', looks: [{ alertKey: expect.any(String), seen: 'absent' }], complete: true },
    ]);
    expect((await edge.firing())[0]?.absentSince).not.toBeNull();
  });

  it('finds nothing absent that one of them has', async () => {
    await look();
    answers[1].alerts = [{ labels, status: { state: 'active' } }];
    await look();
    expect(seen()).toEqual(['active']);
    expect((await edge.firing())[0]?.absentSince).toBeNull();
  });

  it('finds suppressed what is suppressed wherever it is', async () => {
    answers[0].alerts = [{ labels, status: { state: 'suppressed' } }];
    await look();
    expect(seen()).toEqual(['suppressed']);
    expect((await edge.firing())[0]?.suppressed).toBe(true);
    // What did not change is not news.
    expect(await look()).toEqual([{ kind: 'reconciled', looks: [], complete: true }]);
  });

  it('changes nothing when one of them does not answer', async () => {
    answers[1].isBroken = true;
    expect(await look()).toEqual([]);
    answers[0].alerts = [{ labels, status: { state: 'suppressed' } }];
    expect(await look()).toEqual([]);
    expect((await edge.firing())[0]).toMatchObject({ absentSince: null, suppressed: false });
    expect(faults).not.toEqual([]);
  });

  it('finds nothing absent while one of them has just been started, which may not have been told yet', async () => {
    answers[1].upSince = Date.now() - 60_000;
    expect(await look()).toEqual([]);
    expect((await edge.firing())[0]?.absentSince).toBeNull();
  });

  it('respects a silence also when they have just been started', async () => {
    for (const answer of answers) answer.upSince = Date.now() - 60_000;
    answers[0].alerts = [{ labels, status: { state: 'suppressed' } }];
    await look();
    expect(seen()).toEqual(['suppressed']);
    expect((await edge.firing())[0]?.suppressed).toBe(true);
  });

  it('never looks for what people reported', async () => {
    answers[0].alerts = [{ labels, status: { state: 'active' } }];
    await edge.api('POST', '/api/v1/incidents', 'responder', { labels: { name: 'x' } });
    await look();
    expect(seen()).toEqual([]);
  });

  it('asks nobody while no incident is open', async () => {
    const own = await startEdge();
    await reconcileAlertmanagers(
      { connections: () => connections, store: own.store, pipeline: own.pipeline, clock: new SystemClock(), onFault: isNoFault },
      new AbortController().signal,
    );
    expect(asked).toEqual([]);
    await own.stop();
  });
});

describeWith('alertmanager', 'reconciliation with a real Alertmanager', () => {
  it('understands its answers', async () => {
    const labels = { alertname: 'Tell', name: 'real' };
    const alertmanager = await startAlertmanager({ webhook: { url: 'http://127.0.0.1:9/nobody' } });
    try {
      await alertmanager.postAlerts([{ labels }]);
      await edge.post(payloadOf([alertOf(labels)]));
      // Doubtful until Alertmanager says that it is active.
      await edge.post(payloadOf([alertOf(labels, { status: 'resolved', endsAt: '2026-11-20T16:00:00Z' })]));
      await edge.post(payloadOf([alertOf(labels)]));
      expect((await edge.firing())[0]?.unconfirmedUntil).not.toBeNull();
      const connection: AlertmanagerConnection = { kind: 'alertmanager', name: 'main', url: alertmanager.url };
      await reconcileAlertmanagers(
        {
          connections: () => [connection],
          store: edge.store,
          pipeline: edge.pipeline,
          clock: new SystemClock(),
          onFault: isNoFault,
        },
        new AbortController().signal,
      );
      expect((await edge.firing())[0]?.unconfirmedUntil).toBeNull();
    } finally {
      await alertmanager.stop();
    }
  });
});

describe('a loop', () => {
  it('never overlaps itself, survives faults, and stops between rounds', async () => {
    const clock = new SystemClock();
    let active = 0;
    let rounds = 0;
    const faults: string[] = [];
    const enough = Promise.withResolvers<undefined>();
    const loop = new Loop({
      name: 'test',
      everyMs: 0,
      clock,
      onFault: (message) => void faults.push(message),
      work: async () => {
        active += 1;
        expect(active).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        active -= 1;
        rounds += 1;
        if (rounds === 5) enough.resolve(undefined);
        if (rounds < 5) throw new Error('no');
      },
    });
    loop.start();
    loop.start();
    await enough.promise;
    await Promise.all([loop.stop(), loop.stop()]);
    const done = rounds;
    await new Promise((resolve) => setImmediate(resolve));
    expect(rounds).toBe(done);
    expect(faults).toEqual(Array.from({ length: 4 }, () => 'test failed; it is tried again'));
  });
});

describe('staleness', () => {
  it('closes what nobody has spoken of, and ends although nothing can be closed', async () => {
    await edge.post(payloadOf([alertOf({ alertname: 'Tell' })]));
    const applied: PipelineEvent[] = [];
    const { clock, done } = oneRound();
    const loop = createStaleness({
      store: edge.store,
      clock,
      staleAfterMs: () => 0,
      pipeline: {
        apply: (event) => {
          applied.push(event);
          return Promise.resolve(undefined);
        },
      },
      onFault: isNoFault,
    });
    loop.start();
    await done;
    await loop.stop();
    expect(applied).toEqual([{ kind: 'stale', alertKeys: [expect.any(String)] }]);
  });
});

describe('the tick', () => {
  it('comes only while something waits for it', async () => {
    const applied: PipelineEvent[] = [];
    const round = async (): Promise<void> => {
      const { clock, done } = oneRound();
      const loop = createTick({
        store: edge.store,
        clock,
        pipeline: {
          apply: (event) => {
            applied.push(event);
            return Promise.resolve(undefined);
          },
        },
        onFault: isNoFault,
      });
      loop.start();
      await done;
      await loop.stop();
    };
    await round();
    expect(applied).toEqual([]);
    await edge.api('POST', '/api/v1/pause', 'admin', {});
    await round();
    expect(applied).toEqual([{ kind: 'tick' }]);
  });
});

describe('the reminder of a pause', () => {
  it('says who paused it, why, and how to go on, and nothing otherwise', async () => {
    const reminders: string[] = [];
    const round = async (): Promise<void> => {
      const { clock, done } = oneRound();
      const loop = createPauseReminder({
        store: edge.store,
        clock,
        onReminder: (text) => Promise.resolve(void reminders.push(text)),
        onFault: isNoFault,
      });
      loop.start();
      await done;
      await loop.stop();
    };
    await round();
    expect(reminders).toEqual([]);
    await edge.api('POST', '/api/v1/pause', 'admin', { reason: 'release' });
    await round();
    expect(reminders).toEqual([expect.stringMatching(/^paused for \d+s by .+: release; nothing starts until: remedyd resume$/)]);
  });
});
