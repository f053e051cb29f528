import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { Act } from './act.ts';
import { startChild } from './child-process.ts';
import { DemoError } from './demo-error.ts';
import { followIncident } from './follow-incident.ts';
import { freePort } from './free-port.ts';
import { readPeopleMessage, type PeopleMessage } from './people-message.ts';
import type { DemoDaemon } from './stage.ts';
import { waitUntil } from './wait-until.ts';

const READY_WITHIN_MS = 30_000;
/** The program itself, beside this folder: the same in src/ and in dist/. */
const MAIN = join(import.meta.dirname, `../../main${extname(import.meta.filename)}`);

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
  const messages: PeopleMessage[] = [];
  const onLine = (line: string): void => {
    const message = readPeopleMessage(line);
    if (message !== undefined) messages.push(message);
  };
  const child = startChild(process.execPath, [MAIN, 'serve', '--config', configFile], cleanUp, { cwd: folder, onLine });
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
    follow: (rule, isOver, tell) => followIncident({ url, token: apiToken, messages }, rule, isOver, tell),
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
    // The log tells what Slack and PagerDuty would have been told.
    log: { level: 'info', format: 'json' },
    auth: {
      webhook: [{ name: 'demo', bearer_token: webhookToken }],
      api: { tokens: [{ person: 'you', role: 'responder', token: apiToken }] },
    },
    people: { you: {} },
    connections,
    severities: [
      { name: 'P1', matchers: ['severity = "critical"'], escalation_policy: 'standard', notify: { slack: '#incidents' } },
    ],
    escalation_policies: { standard: [{ after: '15m', unless: ['acknowledged'], notify: { pagerduty: 'on-call' } }] },
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
