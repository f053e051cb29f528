import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { NotifyError } from '../../src/domain/notifier.ts';
import { idInTitle } from '../../src/domain/pagerduty-key.ts';
import { Secret } from '../../src/domain/secret.ts';
import { startPagerDuty } from '../support/servers/pagerduty/start-pagerduty.ts';
import type { PagerDutyServer } from '../support/servers/pagerduty/types.ts';
import { incidentOf, lineOf, runOf, stepOf } from '../support/store-rows.ts';
import { INCIDENT, KEY, newsOf, notifierOf, pageOf, Place, ROUTING_KEY, SERVICE, story } from './pagerduty-place.ts';

let pagerduty: PagerDutyServer;
beforeEach(async () => {
  pagerduty = await startPagerDuty();
});
afterEach(() => pagerduty.stop());

const acknowledged = { status: 'acknowledged', acknowledgedAt: 2_000, acknowledgedBy: 'ann' } as const;
const resolved = { status: 'resolved', resolvedAt: 3_000 } as const;
const runStory = story(
  { kind: 'opened' },
  { kind: 'run_started', runId: 'run-1', text: 'web-1: disk-full starts' },
  { kind: 'step' },
  { kind: 'run_ended', runId: 'run-1', text: 'web-1: verified' },
);

describe('the events of an incident', () => {
  it('calls once, and follows it to its end', async () => {
    const place = new Place(pagerduty);
    expect(await place.tell(newsOf())).toEqual(['trigger']);
    expect(await place.tell(newsOf())).toEqual([]);
    expect(await place.tell(newsOf(acknowledged))).toEqual(['acknowledge']);
    expect(await place.tell(newsOf({ ...acknowledged, severityRank: 0, escalationLevel: 7 }))).toEqual([]);
    expect(await place.tell(newsOf(resolved))).toEqual(['resolve']);
    expect(await place.tell(newsOf(resolved))).toEqual([]);
    expect(pagerduty.incidents.map(({ dedupKey, status }) => [dedupKey, status])).toEqual([[KEY, 'resolved']]);
    expect(pagerduty.events.map(({ effect }) => effect)).toEqual(['opened', 'acknowledged', 'resolved']);
  });

  it('resolves what nobody acknowledged', async () => {
    const place = new Place(pagerduty);
    await place.tell(newsOf());
    expect(await place.tell(newsOf(resolved))).toEqual(['resolve']);
  });

  it.each([['acknowledged', acknowledged] as const, ['resolved', resolved] as const])(
    'does not call for what is %s before anybody was called',
    async (_, incident) => {
      expect(await new Place(pagerduty).tell(newsOf(incident, { detail: { timeline: runStory } }))).toEqual([]);
      expect(pagerduty.calls).toEqual([]);
    },
  );

  it.each([
    ['its severity rises', { severityRank: 1 }, { severityRank: 0 }],
    ['it is escalated', { escalationLevel: 1 }, { escalationLevel: 2 }],
  ])('calls again when %s, and not when it falls', async (_, before, after) => {
    const place = new Place(pagerduty);
    await place.tell(newsOf(before));
    expect(await place.tell(newsOf(after))).toEqual(['trigger']);
    expect(await place.tell(newsOf(before))).toEqual([]);
    expect(pagerduty.incidents).toHaveLength(1);
  });

  it('calls for an acknowledged incident only when people are called nevertheless, and leaves that call open', async () => {
    const timeline = story(
      { kind: 'opened' },
      { kind: 'acknowledged' },
      { kind: 'escalated', reason: 'escalated_by_person', text: 'ann escalates; calls pagerduty production' },
    );
    const place = new Place(pagerduty);
    const failed = story({ kind: 'acknowledged' }, { kind: 'escalated', reason: 'failed', text: 'a run failed' });
    expect(await place.tell(newsOf(acknowledged, { detail: { timeline: failed } }))).toEqual([]);
    const news = newsOf({ ...acknowledged, escalationLevel: 1 }, { detail: { timeline } });
    expect(await place.tell(news)).toEqual(['trigger']);
    expect(await place.tell(news)).toEqual([]);
    expect(pagerduty.incident(KEY)?.status).toBe('triggered');
    expect(await place.tell(newsOf(resolved, { detail: { timeline } }))).toEqual(['resolve']);
  });

  it('tells a place where only the message lives of runs alone', async () => {
    const place = new Place(pagerduty, pageOf({ purpose: 'message' }));
    expect(await place.tell(newsOf({}, { detail: { timeline: runStory } }))).toEqual(['change', 'change']);
    expect(pagerduty.incidents).toEqual([]);
    expect(pagerduty.changes.map(({ summary }) => summary)).toEqual([
      'remedyd run started: web-1: disk-full starts',
      'remedyd run ended: web-1: verified',
    ]);
    expect(place.row.toldPosition).toBe(4);
    // Then somebody is called there.
    place.row = { ...place.row, purpose: 'page' };
    expect(await place.tell(newsOf({}, { detail: { timeline: runStory } }))).toEqual(['trigger']);
  });

  it('calls before it tells of runs', async () => {
    expect(await new Place(pagerduty).tell(newsOf({}, { detail: { timeline: runStory } }))).toEqual([
      'trigger',
      'change',
      'change',
    ]);
  });

  it('sends no change events to a ruleset', async () => {
    const services = new Map([[SERVICE, new Secret(`R${ROUTING_KEY.slice(1)}`)]]);
    const place = new Place(pagerduty, pageOf({ purpose: 'message' }), { services });
    expect(await place.tell(newsOf({}, { detail: { timeline: runStory } }))).toEqual([]);
  });

  it('says nothing of notices', () => {
    expect(notifierOf().next({ kind: 'notice', id: 'n', text: 'paused' }, pageOf({ purpose: 'notice' }))).toBeUndefined();
  });

  it('calls anew for what another notifier told', async () => {
    expect(await new Place(pagerduty, pageOf({ told: { head: 'PAGE' } })).tell(newsOf())).toEqual(['trigger']);
  });
});

describe('what an event says', () => {
  const failed = newsOf(
    { severity: 'P0' },
    {
      runbookUrl: 'https://wiki.example.com/disk',
      fields: [{ name: 'Customer impact', value: 'none' }],
      next: ['web-1: retries in 5 m'],
      detail: {
        runs: [runOf('run-1', { state: 'ended', outcome: 'failed', reason: 'timeout', incidentId: INCIDENT })],
        steps: [
          stepOf('run-1', '0:steps/clean', {
            state: 'failed',
            plan: { summary: 'deletes old logs', identity: {}, touches: [], data: null },
            error: { code: 'timeout', message: 'no answer in 30 s', happened: 'unknown' },
          }),
        ],
      },
    },
  );

  it('says first how bad it is, what and where, and what was tried', async () => {
    await new Place(pagerduty).tell(failed);
    const [event] = pagerduty.events;
    expect(pagerduty.incident(KEY)?.summary).toBe(
      'P0 disk-full: web-1 [inc_1]; tried exec.run on web-1, failed (timeout): no answer in 30 s',
    );
    expect(event?.body).toMatchObject({
      client: 'remedyd',
      client_url: 'https://remedyd.example.com/api/v1/incidents/inc_1',
      links: [
        { href: 'https://wiki.example.com/disk', text: 'Runbook' },
        { href: 'https://remedyd.example.com/api/v1/incidents/inc_1', text: 'Everything about it' },
        { href: 'http://prometheus.example/graph', text: 'Alert' },
      ],
      payload: {
        source: 'remedyd.example.com (cluster=a)',
        severity: 'critical',
        component: 'web-1',
        group: 'disk-full',
        class: 'DiskFull',
        timestamp: '1970-01-01T00:00:01.100Z',
        custom_details: {
          tried: [
            {
              run: 'run-1',
              target: 'web-1',
              state: 'failed (timeout)',
              steps: ['clean (exec.run) failed: deletes old logs; timeout: no answer in 30 s'],
            },
          ],
          next: ['web-1: retries in 5 m'],
          fields: { 'Customer impact': 'none' },
          alerts: [{ labels: { alertname: 'DiskFull', instance: 'web-1' }, annotations: { summary: 'the disk is full' } }],
        },
      },
    });
  });

  it('names the incident so that a note can be told from its title, whatever a label says', async () => {
    const lines = [lineOf('line-1', INCIDENT, { target: 'db [inc_2] [bundle_3]' })];
    await new Place(pagerduty).tell(newsOf({}, { detail: { lines } }));
    const { summary = '' } = pagerduty.incident(KEY) ?? {};
    expect(summary).toBe('P1 disk-full: db (inc_2] (bundle_3] [inc_1]');
    expect(idInTitle(summary)).toBe(INCIDENT);
  });

  it('keeps the routing key out of what is journaled', () => {
    expect(JSON.stringify(notifierOf().next(failed, pageOf()))).not.toContain(ROUTING_KEY);
  });

  it('is pure: the same row and news give the same operation', () => {
    expect(notifierOf().next(failed, pageOf())).toEqual(notifierOf().next(failed, pageOf()));
  });
});

describe('a bundle', () => {
  const bundle = 'bundle_1:pagerduty:production';
  const row = pageOf({ id: bundle, incidentId: null, purpose: 'bundle' });
  const bundleOf = (...statuses: readonly ('triggered' | 'acknowledged' | 'resolved')[]) =>
    ({
      kind: 'bundle',
      id: bundle,
      startedAt: 1_000,
      incidents: statuses.map((status, index) => incidentOf(`inc_${index}`, { status, rule: index === 0 ? 'a' : 'b' })),
      pagerdutySeverity: 'error',
    }) as const;

  it('is one call for all, until all are over', async () => {
    const place = new Place(pagerduty, row);
    expect(await place.tell(bundleOf('triggered', 'triggered', 'triggered'))).toEqual(['trigger']);
    expect(pagerduty.incident(`remedyd/${bundle}`)?.summary).toBe(
      'P1 3 incidents began together [bundle_1:pagerduty:production]: 2 b, 1 a',
    );
    expect(await place.tell(bundleOf('acknowledged', 'triggered', 'resolved'))).toEqual([]);
    expect(await place.tell(bundleOf('acknowledged', 'acknowledged', 'resolved'))).toEqual(['acknowledge']);
    expect(await place.tell(bundleOf('acknowledged', 'acknowledged', 'resolved', 'triggered'))).toEqual(['trigger']);
    expect(await place.tell(bundleOf('resolved', 'resolved', 'resolved', 'resolved'))).toEqual(['resolve']);
    expect(pagerduty.incidents).toHaveLength(1);
  });
});

describe('when PagerDuty does not take it', () => {
  const attempt = (place: Place, news = newsOf()): Promise<NotifyError> =>
    place.tell(news).then(
      () => {
        throw new Error('it was taken');
      },
      (error: unknown) => error as NotifyError,
    );

  it.each([
    [429, { code: 'limited', retryAfterMs: 30_000 }],
    [401, { code: 'unauthorized' }],
    [403, { code: 'unauthorized' }],
    [413, { code: 'refused' }],
    [408, { code: 'passing' }],
    [503, { code: 'unknown' }],
  ])('tells what a %i means', async (status, error) => {
    pagerduty.fail({ how: { status, body: {} } });
    expect(await attempt(new Place(pagerduty))).toMatchObject(error);
    expect(pagerduty.calls).toHaveLength(1);
  });

  it('asks once only when it is limited', async () => {
    pagerduty.fail({ how: { status: 429, retryAfter: 1 }, times: Infinity });
    expect(await attempt(new Place(pagerduty))).toMatchObject({ code: 'limited', message: 'PagerDuty answered 429' });
    expect(pagerduty.calls).toHaveLength(1);
  });

  it("gives up what is refused, with PagerDuty's errors and without the key", async () => {
    const key = 'x'.repeat(32);
    const services = new Map([[SERVICE, new Secret(key)]]);
    const error = await attempt(new Place(pagerduty, pageOf(), { services }));
    expect(error).toMatchObject({ code: 'refused', message: expect.stringContaining("'routing_key' is unknown") });
    pagerduty.fail({ how: { status: 400, body: { message: `bad ${ROUTING_KEY}`, errors: [`key ${ROUTING_KEY}`, 7] } } });
    expect(await attempt(new Place(pagerduty))).toMatchObject({
      message: 'PagerDuty answered 400: bad [secret]; key [secret]',
    });
  });

  it('knows that a place will not do which is not configured', async () => {
    expect(await attempt(new Place(pagerduty, pageOf({ place: 'gone' })))).toMatchObject({
      code: 'unreachable_place',
      message: 'pagerduty.services has no "gone"',
    });
  });

  it('comes again when nobody listens', async () => {
    await pagerduty.goDown();
    const place = new Place(pagerduty);
    expect(await attempt(place)).toMatchObject({ code: 'passing' });
    // Nothing was sent, so that nothing is owed when it is over.
    expect(await place.tell(newsOf(resolved))).toEqual([]);
    await pagerduty.comeBack();
    expect(await place.tell(newsOf())).toEqual(['trigger']);
  });

  it('ends with its signal', async () => {
    pagerduty.fail({ how: { slowMs: 60_000 } });
    const notifier = notifierOf({ eventsUrl: pagerduty.plainUrl });
    const operation = notifier.next(newsOf(), pageOf());
    if (operation === undefined) throw new Error('nothing is owed');
    const abort = new AbortController();
    const sending = notifier.send(operation, pageOf(), abort.signal);
    await pagerduty.until(({ calls }) => calls.length === 1);
    abort.abort();
    await expect(sending).rejects.toMatchObject({ code: 'unknown' });
  });

  it('opens nothing twice when the answer to a call is lost', async () => {
    pagerduty.fail({ how: 'cut_after' });
    const place = new Place(pagerduty);
    expect(await attempt(place)).toMatchObject({ code: 'unknown' });
    expect(await place.tell(newsOf())).toEqual(['trigger']);
    expect(pagerduty.incidents).toHaveLength(1);
  });

  it.each(['cut_after', 'cut_before'] as const)('neither calls late nor leaves open what was opened unseen (%s)', async (how) => {
    pagerduty.fail({ how });
    const place = new Place(pagerduty);
    await attempt(place);
    expect(await place.tell(newsOf(acknowledged))).toEqual(['acknowledge']);
    expect(await place.tell(newsOf(resolved))).toEqual(['resolve']);
    expect(pagerduty.events.filter(({ action }) => action === 'trigger')).toHaveLength(how === 'cut_after' ? 1 : 0);
    expect(pagerduty.incidents.map(({ status }) => status)).toEqual(how === 'cut_after' ? ['resolved'] : []);
  });

  it('keeps its order through failures between', async () => {
    const place = new Place(pagerduty);
    for (const news of [newsOf(), newsOf(acknowledged), newsOf(resolved)]) {
      pagerduty.fail({ how: 'cut_before' });
      pagerduty.fail({ how: { status: 503 } });
      pagerduty.fail({ how: { status: 429 } });
      pagerduty.fail({ how: 'cut_after' });
      for (let failures = 0; failures < 4; failures += 1) await attempt(place, news);
      await place.tell(news);
    }
    const effects = pagerduty.events.map(({ effect }) => effect);
    expect(effects).toEqual(['opened', 'appended', 'acknowledged', 'acknowledged', 'resolved', 'dropped']);
  });

  it.each(['cut_after', 'cut_before'] as const)('tells of a run at most once (%s)', async (how) => {
    const place = new Place(pagerduty, pageOf({ purpose: 'message' }));
    pagerduty.fail({ how });
    const news = newsOf({}, { detail: { timeline: runStory } });
    expect(await attempt(place, news)).toMatchObject({ code: 'unknown' });
    expect(await place.tell(news)).toEqual(['change']);
    expect(pagerduty.changes).toHaveLength(how === 'cut_after' ? 2 : 1);
  });

  it('tells of a run again when PagerDuty says that it failed', async () => {
    const place = new Place(pagerduty, pageOf({ purpose: 'message' }));
    pagerduty.fail({ how: { status: 500 } });
    const news = newsOf({}, { detail: { timeline: runStory } });
    expect(await attempt(place, news)).toMatchObject({ code: 'passing' });
    expect(await place.tell(news)).toEqual(['change', 'change']);
  });
});

describe('where events go', () => {
  it.each([
    ['', ''],
    ['/', ''],
    ['/v2', ''],
    ['/v2/enqueue', ''],
  ])('takes an events_url that ends in %j', async (path) => {
    const place = new Place(pagerduty, pageOf(), { eventsUrl: `${pagerduty.plainUrl}${path}` });
    expect(await place.tell(newsOf())).toEqual(['trigger']);
  });

  it('checks the certificate of https', async () => {
    const https = { eventsUrl: pagerduty.eventsUrl };
    await expect(new Place(pagerduty, pageOf(), https).tell(newsOf())).rejects.toMatchObject({ name: 'NotifyError' });
    expect(pagerduty.calls).toEqual([]);
    const before = getCACertificates('default');
    setDefaultCACertificates([...before, pagerduty.ca]);
    try {
      expect(await new Place(pagerduty, pageOf(), https).tell(newsOf())).toEqual(['trigger']);
    } finally {
      setDefaultCACertificates(before);
    }
  });
});
