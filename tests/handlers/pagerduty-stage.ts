import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { Secret } from '../../src/domain/secret.ts';
import type { Person, Role, Settings } from '../../src/domain/settings.ts';
import type { IncidentDetail } from '../../src/domain/store.ts';
import { SystemClock } from '../../src/domain/system-clock.ts';
import { PagerDutyIn } from '../../src/handlers/pagerduty-in.ts';
import { PagerDutyWebhook } from '../../src/handlers/pagerduty-webhook.ts';
import { newId } from '../../src/new-id.ts';
import { Pipeline } from '../../src/pipeline/pipeline.ts';
import { load } from '../support/rule-settings.ts';
import { startPagerDuty } from '../support/servers/pagerduty/start-pagerduty.ts';
import type { PagerDutyServer, PagerDutyWebhook as Delivery } from '../support/servers/pagerduty/types.ts';
import { createTemporaryDirectory } from '../support/servers/temporary-directory.ts';
import { StallableStore } from './slack-stallable-store.ts';

export const SECRET = 'a-secret-of-the-subscription';
const RULES = `
rules:
  - { name: tell, description: Tells people., matchers: ['alertname =~ ".+"'], group_by: [name] }
`;

/** The route of PagerDuty's webhooks over the real pipeline and store, and the PagerDuty that calls it. */
export interface PagerDutyStage {
  readonly pagerduty: PagerDutyServer;
  readonly url: string;
  readonly store: StallableStore;
  readonly pipeline: Pipeline;
  /** As `people` and `pagerduty` of the configuration; may be changed. */
  settings: Pick<Settings, 'people' | 'roles' | 'pagerduty' | 'auth'>;
  readonly warnings: readonly string[];
  readonly errors: readonly string[];
  readonly faults: readonly string[];
  /** Opens an incident by an alert; PagerDuty has been called for it. */
  open(name?: string): Promise<string>;
  /** What an incident is, and its story. */
  look(id: string): Promise<IncidentDetail>;
  notes(id: string): Promise<readonly { readonly actor: string | null; readonly text: string }[]>;
  /** A webhook about an incident here. */
  deliver(incidentId: string, event: string, more?: Partial<Delivery>): Promise<number>;
  stop(): Promise<void>;
}

const PEOPLE: ReadonlyMap<string, Person> = new Map([
  ['ann', { pagerduty: 'PANN001' }],
  ['ben', { pagerduty: 'Ben@Example.com' }],
]);
export const ANN = { id: 'PANN001', name: 'Ann' };
export const EVE = { id: 'PEVE001', name: 'Eve' };

export async function startPagerDutyStage(): Promise<PagerDutyStage> {
  const pagerduty = await startPagerDuty();
  const clock = new SystemClock();
  const folder = createTemporaryDirectory('pagerduty');
  const store = new StallableStore({ path: `${folder.path}/remedyd.db`, clock });
  await store.open();
  const { ruleSet: rules, problems } = load(RULES);
  if (rules === undefined) throw new Error(problems.join('\n'));
  const faults: string[] = [];
  const warnings: string[] = [];
  const errors: string[] = [];
  const onFault = (message: string, error: unknown): void => void faults.push(`${message}: ${String(error)}`);
  const limits: Settings['limits'] = {
    storm: { count: 1_000_000, windowMs: 60_000 },
    maxRuns: { count: 1_000_000, windowMs: 3_600_000 },
    maxConcurrentRuns: 1_000,
    recurrenceMs: 3_600_000,
    settleMs: 120_000,
    staleAfterMs: 86_400_000,
    bodyBytes: 1_048_576,
  };
  const pipeline = new Pipeline({
    store,
    clock,
    limits: () => limits,
    rules: () => rules,
    compileSnapshot: () => {
      throw new Error('no rule is compiled here');
    },
    newId,
    newToken: () => randomBytes(16).toString('base64url'),
    defaultChannel: () => undefined,
    slackIdOf: () => undefined,
    random: Math.random,
    start: () => undefined,
    onSignals: () => undefined,
    onTold: () => undefined,
    onFault,
  });
  await pipeline.start();
  const log = {
    info: () => undefined,
    warn: (_: object, message: string) => void warnings.push(message),
    error: (_: object, message: string) => void errors.push(message),
  };
  const stage: PagerDutyStage['settings'] = {
    auth: { webhook: [], tokens: [] },
    people: PEOPLE,
    roles: new Map<string, Role>([['sre', { people: ['ann'] }]]),
    pagerduty: { services: new Map(), webhookSecrets: [new Secret(SECRET)] },
  };
  const settings = { live: stage };
  const deps = { pipeline, store, clock, settings: () => settings.live, log, onFault };
  const webhook = new PagerDutyWebhook(new PagerDutyIn(deps), deps);
  const server = createServer((request, response) => {
    if (webhook.isFor(request)) void webhook.handle(request, response);
    else response.writeHead(421).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const url = `http://127.0.0.1:${port}/webhooks/pagerduty`;
  const look = async (id: string): Promise<IncidentDetail> => {
    const detail = await store.incidentDetail(id);
    if (detail === undefined) throw new Error(`there is no incident ${id}`);
    return detail;
  };
  return {
    pagerduty,
    url,
    store,
    pipeline,
    get settings() {
      return settings.live;
    },
    set settings(live) {
      settings.live = live;
    },
    warnings,
    errors,
    faults,
    open: async (name = 'a') => {
      const known = new Set((await store.listIncidents({ limit: 500 })).items.map(({ id }) => id));
      await pipeline.accept({
        source: 'prod',
        receivedAt: clock.now(),
        groupLabels: {},
        truncatedAlerts: 0,
        alerts: [
          {
            status: 'firing',
            labels: { alertname: 'A', name },
            annotations: {},
            startsAt: clock.now(),
            generatorUrl: '',
            fingerprint: '',
          },
        ],
        quarantined: [],
        externalUrl: '',
      });
      const opened = (await store.listIncidents({ limit: 500 })).items.find(({ id }) => !known.has(id));
      if (opened === undefined) throw new Error('no incident was opened');
      return opened.id;
    },
    look,
    notes: async (id) =>
      (await look(id)).timeline.filter(({ kind }) => kind === 'note').map(({ actor, text }) => ({ actor, text })),
    deliver: async (incidentId, event, more = {}) => {
      const data =
        event === 'incident.annotated'
          ? {
              incident: { id: 'QINC', type: 'incident_reference', summary: `P1 tell: a [${incidentId}]` },
              content: more.content ?? 'a note',
            }
          : { id: 'QINC', type: 'incident', incident_key: `remedyd/${incidentId}`, ...more.data };
      const { status } = await pagerduty.webhook({ url, secrets: [SECRET], event, agent: ANN, ...more, data });
      return status;
    },
    stop: async () => {
      store.goOn();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      pipeline.stop();
      await store.close();
      await pagerduty.stop();
      folder.remove();
    },
  };
}
