import fc from 'fast-check';
import { copyLabels } from '../../src/domain/alert.ts';
import type { Labels } from '../../src/domain/alert.ts';
import { PAGERDUTY_SEVERITIES } from '../../src/domain/response.ts';
import { OUTCOMES } from '../../src/domain/reason.ts';
import { shortened, shortLine } from '../../src/notifiers/pagerduty/shortened.ts';
import { startPagerDuty } from '../support/servers/pagerduty/start-pagerduty.ts';
import type { PagerDutyServer } from '../support/servers/pagerduty/types.ts';
import { contentOf, episodeOf, incidentOf, lineOf, runOf, stepOf } from '../support/store-rows.ts';
import { INCIDENT, newsOf, pageOf, Place, story } from './pagerduty-place.ts';

const RUNS = 60;

let pagerduty: PagerDutyServer;
beforeAll(async () => {
  pagerduty = await startPagerDuty();
});
afterAll(() => pagerduty.stop());

/** Hostile text: halves of characters, control characters, and much of it. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
  fc.constantFrom('😀'.repeat(3_000), '\ud83d', '\u0000'.repeat(2_000), '<!channel>', 'x'.repeat(70_000), '\u202eabc', '', ' '),
);
const url = fc.oneof(text, fc.webUrl(), fc.constantFrom('javascript:alert(1)', 'http://[', 'https://x/?q=😀'));
const labels = fc
  .dictionary(fc.oneof(fc.constantFrom('alertname', '__proto__', 'constructor'), text), text, { maxKeys: 30 })
  .map((entries): Labels => copyLabels(entries));
const instant = fc.oneof(fc.double(), fc.constantFrom(0, -1, 1e15, 8.64e15, 1e300, NaN, Infinity));

const news = fc
  .record({
    id: fc.constantFrom(INCIDENT, `inc_${'x'.repeat(400)}`),
    rule: text,
    severity: text,
    target: text,
    group: labels,
    alerts: fc.array(fc.record({ labels, annotations: labels, generatorUrl: url }), { maxLength: 40 }),
    startedAt: instant,
    words: text,
    outcome: fc.constantFrom(...OUTCOMES),
    url,
    runbookUrl: url,
    pagerdutySeverity: fc.constantFrom(...PAGERDUTY_SEVERITIES),
  })
  .map((given) => {
    const { id, words, target } = given;
    return newsOf(
      { id, rule: given.rule, severity: given.severity, groupLabels: given.group, startedAt: given.startedAt },
      {
        description: words,
        url: given.url,
        runbookUrl: given.runbookUrl,
        pagerdutySeverity: given.pagerdutySeverity,
        fields: [{ name: words, value: words }],
        next: Array.from({ length: 50 }, () => words),
        detail: {
          lines: [lineOf('line-1', id, { target }), lineOf('line-2', id, { target: words })],
          alerts: given.alerts.map((content) => ({
            lineTarget: target,
            incidentId: id,
            episode: episodeOf('episode-1', { startsAt: given.startedAt }),
            content: contentOf(content),
          })),
          runs: Array.from({ length: 15 }, (_, run) =>
            runOf(`run-${run}`, { state: 'ended', outcome: given.outcome, target, createdAt: given.startedAt }),
          ),
          steps: Array.from({ length: 40 }, (_, step) =>
            stepOf(`run-${step % 15}`, `0:steps/${step}`, {
              uses: words,
              plan: { summary: words, identity: {}, touches: [], data: null },
              error: { code: 'timeout', message: words, happened: 'unknown' },
            }),
          ),
          timeline: story({ kind: 'run_started', text: words, at: given.startedAt, actor: words, reason: words }),
        },
      },
    );
  });

it('is accepted, whatever there is to say', async () => {
  await fc.assert(
    fc.asyncProperty(news, async (said) => {
      const place = new Place(pagerduty);
      expect(await place.tell(said)).toEqual(['trigger', 'change']);
      const { detail } = said;
      const over = { ...said, detail: { ...detail, incident: { ...detail.incident, status: 'resolved' as const } } };
      expect(await place.tell(over)).toEqual(['resolve']);
    }),
    { numRuns: RUNS },
  );
});

it('is accepted of bundles too', async () => {
  const incident = fc.record({ rule: text, severity: text, startedAt: instant });
  await fc.assert(
    fc.asyncProperty(fc.array(incident, { minLength: 1, maxLength: 300 }), text, async (incidents, service) => {
      const id = `bundle_1:pagerduty:${service}`;
      const row = pageOf({ id, incidentId: null, purpose: 'bundle' });
      const bundle = {
        kind: 'bundle',
        id,
        startedAt: incidents[0]?.startedAt ?? 0,
        incidents: incidents.map((given, index) => incidentOf(`inc_${index}`, given)),
        pagerdutySeverity: 'info',
      } as const;
      expect(await new Place(pagerduty, row).tell(bundle)).toEqual(['trigger']);
    }),
    { numRuns: RUNS },
  );
});

it('leaves out details before links when an event is too large', async () => {
  const wide = '\u0001'.repeat(1_000);
  const large = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`label${index}`, wide]));
  const alert = {
    lineTarget: 'web-1',
    incidentId: INCIDENT,
    episode: episodeOf('e'),
    content: contentOf({ labels: copyLabels(large), annotations: copyLabels(large) }),
  };
  await new Place(pagerduty).tell(newsOf({}, { detail: { alerts: Array.from({ length: 30 }, () => alert) } }));
  const body = pagerduty.events.at(-1)?.body;
  expect(body).toHaveProperty('links');
  expect(body).not.toHaveProperty('payload.custom_details');
});

it('cuts between characters', () => {
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 2_000 }), (given, max) => {
      const short = shortened(given, max);
      expect(Array.from(short).length).toBeLessThanOrEqual(max);
      expect(short.isWellFormed()).toBe(true);
      if (Array.from(given).length <= max) expect(short).toBe(given.toWellFormed());
    }),
  );
  expect(shortened('😀😀😀', 3)).toBe('😀😀😀');
  expect(shortened('😀😀😀😀', 3)).toBe('😀😀…');
  expect(shortLine('a\nb\u202ec', 10)).toBe('a b c');
});
