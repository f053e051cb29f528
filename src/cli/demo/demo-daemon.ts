import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import * as z from 'zod';
import { callApi } from '../api-client.ts';
import { CliError } from '../cli-error.ts';
import { incidentDetailView, type IncidentDetailView } from '../incident-view.ts';
import type { Act } from './act.ts';
import { startChild } from './child-process.ts';
import { DemoError } from './demo-error.ts';
import { freePort } from './free-port.ts';
import type { DemoDaemon, Tell } from './stage.ts';
import { waitUntil } from './wait-until.ts';

const READY_WITHIN_MS = 30_000;
const INCIDENT_WITHIN_MS = 40_000;
const KIND_WIDTH = 14;
/** The program itself, beside this folder: the same in src/ and in dist/. */
const MAIN = join(import.meta.dirname, `../../main${extname(import.meta.filename)}`);

const incidentPage = z.object({ incidents: z.array(incidentDetailView) });

/** Writes `remedyd.yml`, a token and the rule files of the acts into the folder, and starts `remedyd serve` there. */
export async function startDemoDaemon(folder: string, acts: readonly Act[], cleanUp: AsyncDisposableStack): Promise<DemoDaemon> {
  const port = await freePort();
  const url = `http://127.0.0.1:${String(port)}`;
  const webhookToken = randomBytes(24).toString('hex');
  const apiToken = randomBytes(24).toString('hex');
  mkdirSync(join(folder, 'rules'));
  for (const { ruleFile } of acts) writeFileSync(join(folder, 'rules', ruleFile.name), ruleFile.text);
  const configFile = join(folder, 'remedyd.yml');
  // JSON is YAML.
  writeFileSync(configFile, JSON.stringify(configurationOf(port, folder, acts, webhookToken, apiToken), null, 2), {
    mode: 0o600,
  });
  const child = startChild(process.execPath, [MAIN, 'serve', '--config', configFile], cleanUp, { cwd: folder });
  await waitUntil(
    'the daemon is ready',
    async () => {
      if (child.isGone()) throw new DemoError(`the daemon did not start: ${child.output()}`);
      return (await isReady(url)) ? true : undefined;
    },
    READY_WITHIN_MS,
  );
  return {
    url,
    sendWebhook: (body) => sendWebhook(url, webhookToken, body),
    follow: (rule, isOver, tell) => followIncident({ url, token: apiToken }, rule, isOver, tell),
  };
}

function configurationOf(port: number, folder: string, acts: readonly Act[], webhookToken: string, apiToken: string): object {
  const connections: Record<string, object> = {};
  for (const act of acts)
    for (const [kind, named] of Object.entries(act.connections)) connections[kind] = { ...connections[kind], ...named };
  return {
    listen: `127.0.0.1:${String(port)}`,
    store: { url: `sqlite:${join(folder, 'remedyd.db')}` },
    rules: [join(folder, 'rules')],
    log: { level: 'error' },
    auth: {
      webhook: [{ name: 'demo', bearer_token: webhookToken }],
      api: { tokens: [{ person: 'you', role: 'viewer', token: apiToken }] },
    },
    people: { you: {} },
    connections,
    escalation_policies: { standard: [{ after: '15m', notify: { slack: '#incidents' } }] },
    // So that an incident closes before you lose patience; usual are two minutes.
    limits: { settle: '1s' },
  };
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/-/ready`)).ok;
  } catch {
    return false;
  }
}

async function sendWebhook(url: string, token: string, body: object): Promise<void> {
  const response = await fetch(`${url}/webhooks/alertmanager`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (response.status !== 202)
    throw new DemoError(`the webhook was answered ${String(response.status)}: ${await response.text()}`);
}

async function followIncident(
  target: { readonly url: string; readonly token: string },
  rule: string,
  isOver: (incident: IncidentDetailView) => boolean,
  tell: Tell,
): Promise<IncidentDetailView> {
  let told = 0;
  const look = async (): Promise<IncidentDetailView | undefined> => {
    const [incident] = incidentPage.parse(
      await callApi(target, 'GET', `/api/v1/incidents?rule=${encodeURIComponent(rule)}&limit=1`),
    ).incidents;
    for (const { at, kind, text } of incident?.timeline.slice(told) ?? []) {
      told += 1;
      tell('remedyd', `${kind.replaceAll('_', ' ').padEnd(KIND_WIDTH)}  ${text}`, new Date(at));
    }
    return incident !== undefined && isOver(incident) ? incident : undefined;
  };
  try {
    return await waitUntil(`the incident of ${rule} does not end as it should`, look, INCIDENT_WITHIN_MS);
  } catch (error) {
    if (error instanceof CliError) throw new DemoError(error.message, { cause: error });
    throw error;
  }
}
