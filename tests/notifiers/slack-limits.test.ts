import fc from 'fast-check';
import {
  sampleAlert,
  sampleApproval,
  sampleIncident,
  sampleLine,
  sampleNews,
  sampleRun,
  sampleStep,
} from '../../scripts/pages/slack-samples.ts';
import { copyLabels } from '../../src/domain/alert.ts';
import { INCIDENT_PHASES } from '../../src/domain/incident-phase.ts';
import type { IncidentNews, News } from '../../src/domain/notifier.ts';
import { OUTCOMES, REASONS } from '../../src/domain/reason.ts';
import { APPROVAL_STATES, RUN_STATES, TIMELINE_KINDS } from '../../src/domain/state.ts';
import { STEP_STATES } from '../../src/domain/scope.ts';
import { nextOperation } from '../../src/notifiers/slack/next-operation.ts';
import { requestFromJson, type Content } from '../../src/notifiers/slack/slack-request.ts';
import { sampleRow } from './slack-rows.ts';
import { faultsOf, liveTokensOf, markupOf } from './slack-check.ts';

const ROUNDS = 60;
const OWNER = 'U0ALICE01';

const hostile = fc.oneof(
  fc.constantFrom(
    '<!channel>',
    '<!here|here>',
    '<@U0BOB0001>',
    '<#C0000001|ops>',
    '<http://evil.example|https://bank.example>',
    '```<!channel>```',
    '`<!everyone>`',
    '&lt;!channel&gt;',
    '<!subteam^S0ONCALL1>',
    '\u202e<!channel>\u2066',
    '>quote\n>quote',
    'a|b>c',
    '',
    ' ',
    '\u0000\u001b[31m',
    '\ud800',
    '😀'.repeat(2_000),
    '&<>'.repeat(4_000),
    'x'.repeat(10_000),
    '漢'.repeat(3_000),
    '\n'.repeat(5_000),
  ),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
);
const labels = fc.dictionary(hostile, hostile, { maxKeys: 40 }).map((entries) => copyLabels(entries));
const instant = fc.integer({ min: 0, max: 4e12 });

const approvals = fc.array(
  fc
    .record({
      id: fc.uuid(),
      runId: fc.constantFrom('run-0', 'run-1', 'run-99'),
      why: hostile,
      roles: fc.array(hostile, { maxLength: 20 }),
      count: fc.integer({ min: 1, max: 20 }),
      approvedBy: fc.array(hostile, { maxLength: 5 }),
      excluded: fc.option(hostile),
      decidedBy: fc.option(hostile),
      reason: fc.option(hostile),
      state: fc.constantFrom(...APPROVAL_STATES),
      intent: fc.array(
        fc.record({
          address: hostile,
          uses: hostile,
          connection: fc.option(hostile),
          params: fc.constant({}),
          identity: fc.constant({}),
          summary: hostile,
        }),
        { maxLength: 15 },
      ),
    })
    .map((overrides) => sampleApproval(overrides)),
  { maxLength: 20 },
);

const runs = fc.array(
  fc.record({
    target: hostile,
    state: fc.constantFrom(...RUN_STATES),
    outcome: fc.option(fc.constantFrom(...OUTCOMES)),
    reason: fc.option(fc.constantFrom(...REASONS)),
    quarantined: fc.boolean(),
    cancelledBy: fc.option(hostile),
    attempt: fc.integer({ min: 1, max: 5 }),
    detail: hostile,
  }),
  { maxLength: 100 },
);

const steps = fc.array(
  fc
    .record({
      runId: fc.constantFrom('run-0', 'run-1', 'run-2'),
      id: hostile,
      uses: hostile,
      address: fc.uuid(),
      effect: fc.constantFrom('read' as const, 'change' as const),
      state: fc.constantFrom(...STEP_STATES),
      output: fc.option(
        fc.dictionary(hostile, fc.oneof(hostile, fc.integer(), fc.array(hostile, { maxLength: 3 })), { maxKeys: 5 }),
      ),
      summary: fc.option(hostile),
      message: fc.option(hostile),
    })
    .map(({ summary, message, ...overrides }) =>
      sampleStep({
        ...overrides,
        plan: summary === null ? null : { summary, identity: {}, touches: [], data: null },
        error: message === null ? null : { code: 'rejected', message, happened: 'nothing' },
      }),
    ),
  { maxLength: 30 },
);

const timeline = fc
  .array(
    fc.record({
      incidentId: fc.constant('inc'),
      runId: fc.constant(null),
      at: instant,
      kind: fc.constantFrom(...TIMELINE_KINDS),
      reason: fc.constantFrom(null, 'acknowledged'),
      text: hostile,
      actor: fc.option(hostile),
    }),
    { maxLength: 200 },
  )
  .map((entries) => entries.map((entry, index) => ({ ...entry, position: index + 1 })));

const news: fc.Arbitrary<IncidentNews> = fc
  .record({
    incident: fc.record({
      rule: hostile,
      severity: hostile,
      groupLabels: labels,
      status: fc.constantFrom('triggered' as const, 'acknowledged' as const, 'resolved' as const),
      acknowledgedBy: fc.option(hostile),
      acknowledgedAt: fc.option(instant),
      closedAs: fc.constantFrom(null, 'resolved' as const, 'stale' as const, 'dismissed' as const),
      truncatedAlerts: fc.integer({ min: 0, max: 1e6 }),
      escalationLevel: fc.integer({ min: 0, max: 5 }),
      previousId: fc.option(hostile),
      notifyOnly: fc.boolean(),
      responseMissed: fc.boolean(),
    }),
    alertLabels: fc.array(labels, { maxLength: 60 }),
    runs,
    steps,
    approvals,
    timeline,
    phase: fc.constantFrom(...INCIDENT_PHASES),
    description: hostile,
    runbookUrl: fc.oneof(hostile, fc.webUrl()),
    fields: fc.array(fc.record({ name: hostile, value: hostile }), { maxLength: 30 }),
    next: fc.array(hostile, { maxLength: 100 }),
    customerMessage: hostile,
    postMortem: hostile,
    url: fc.option(fc.webUrl(), { nil: undefined }),
  })
  .map(({ incident, alertLabels, runs: given, url, ...rest }) => {
    const { steps: those, approvals: asked, timeline: entries, ...texts } = rest;
    return sampleNews(
      {
        incident: sampleIncident(incident),
        lines: given.map((run, index) => sampleLine({ id: `line-${index}`, target: run.target, runId: `run-${index}` })),
        alerts: alertLabels.map((those) => sampleAlert({ labels: those })),
        runs: given.map(({ detail, ...run }, index) =>
          sampleRun({
            ...run,
            id: `run-${index}`,
            lineId: `line-${index}`,
            verdicts: [{ gate: 'delay', verdict: 'hold', detail }],
          }),
        ),
        steps: those,
        approvals: asked,
        timeline: entries,
      },
      { ...texts, ownerSlackId: OWNER, ...(url === undefined ? {} : { url }) },
    );
  });

/** Everything that would be said of the news, until the place knows all of it. */
function contentsOf(given: News): readonly Content[] {
  const contents: Content[] = [];
  let row = sampleRow();
  for (let round = 0; round < 300; round += 1) {
    const operation = nextOperation(given, row);
    if (operation === undefined) return contents;
    const request = requestFromJson(operation.request);
    if (request === undefined) throw new Error('a request can be read back');
    if ('content' in request) contents.push(request.content);
    row = {
      ...row,
      told: { ...sampleRow().told, ...toldOf(operation.request), channel_id: 'C1', ts: '1.0' },
      toldPosition: request.position,
    };
  }
  throw new Error('it never ends');
}

function toldOf(request: Readonly<Record<string, unknown>>): Record<string, never> {
  return JSON.parse(JSON.stringify(request['told'])) as Record<string, never>;
}

/** What may be live: our own links, and the owner's mention. */
function isOurs(token: string, given: IncidentNews): boolean {
  if (token === `<@${OWNER}>`) return true;
  const address = /^<(https?:[^|<>]*)\|[^<>]*>$/.exec(token)?.[1]?.replaceAll('&amp;', '&');
  const own = [given.url, given.runbookUrl, ...given.detail.alerts.map(({ content }) => content.generatorUrl)];
  return own.some((url) => url !== undefined && URL.canParse(url) && address === new URL(url).href.replaceAll('|', '%7C'));
}

test('whatever labels, runs and fields hold, every message is within the limits and calls nobody', () => {
  fc.assert(
    fc.property(news, (given) => {
      for (const { text, blocks, shortest } of contentsOf(given)) {
        expect(faultsOf(text, blocks)).toEqual([]);
        expect(faultsOf(text, shortest)).toEqual([]);
        const live = markupOf(text, blocks).flatMap(liveTokensOf);
        expect(live.filter((token) => !isOurs(token, given))).toEqual([]);
      }
    }),
    { numRuns: ROUNDS },
  );
});

test('a bundle of hostile incidents is within the limits and calls nobody', () => {
  const incidents = fc.array(
    fc
      .record({ rule: hostile, severity: hostile, groupLabels: labels, acknowledgedBy: fc.option(hostile), id: fc.uuid() })
      .map((overrides) => {
        return sampleIncident({ ...overrides, status: overrides.acknowledgedBy === null ? 'triggered' : 'acknowledged' });
      }),
    { maxLength: 200 },
  );
  fc.assert(
    fc.property(incidents, (given) => {
      const contents = contentsOf({
        kind: 'bundle',
        id: 'bundle',
        startedAt: 0,
        incidents: given,
        pagerdutySeverity: 'critical',
      });
      for (const { text, blocks } of contents) {
        expect(faultsOf(text, blocks)).toEqual([]);
        expect(markupOf(text, blocks).flatMap(liveTokensOf)).toEqual([]);
      }
    }),
    { numRuns: ROUNDS },
  );
});

test('what needs an answer stays when nearly everything else has to go', () => {
  const given = sampleNews({
    runs: Array.from({ length: 100 }, (_, index) =>
      sampleRun({ id: `run-${index}`, target: '漢'.repeat(300), state: 'running' }),
    ),
    approvals: [sampleApproval({ runId: 'run-7' })],
    steps: Array.from({ length: 100 }, (_, index) =>
      sampleStep({ runId: `run-${index}`, plan: { summary: '&'.repeat(10_000), identity: {}, touches: [], data: null } }),
    ),
  });
  const [root] = contentsOf(given);
  const shown = JSON.stringify(root?.blocks);
  expect(shown).toContain('"value":"a3f1c2d4e5f60718293a4b5c6d7e8f90"');
  expect(shown).toContain('remedyd:ack');
  expect(shown).toContain('… shortened: ');
});
