import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import type { Duplex } from 'node:stream';
import { ADMIN_TOKEN, startDaemon, WEBHOOK_TOKEN, type TestDaemon } from './support/daemon.ts';
import { waitUntil } from './support/daemon-wait.ts';
import { firingAlert, webhookBody } from './support/daemon-webhook.ts';
import { postToDaemon } from './support/servers/slack-and-pagerduty/post-to-daemon.ts';

/** Each is used for what it is for, and has to be seen nowhere else. */
const SECRETS = {
  botToken: 'xoxb-1111-canary-of-the-bot-token',
  appToken: 'xapp-1-canary-of-the-app-token',
  signingSecret: 'canary0of0the0signing0secret0000',
  routingKey: 'canaryofthepagerdutyroutingkey00',
  webhookSecret: 'canary-of-the-pagerduty-webhook-secret',
  ticket: 'canary-of-the-socket-ticket',
  responseUrl: 'canary-of-a-response-url',
  adminToken: ADMIN_TOKEN,
  webhookToken: WEBHOOK_TOKEN,
} as const;

const RULES = `
rules:
  - name: paged
    matchers: ['alertname = "Paged"']
    escalation_policy: pages
`;

/** As a text may have been written down: as it is, or encoded. */
function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  // Of base64 what does not depend on what stands before and after it.
  const inBase64 = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .slice(before === 0 ? 0 : 4, -4),
  );
  return [secret, ...inBase64, bytes.toString('hex'), encodeURIComponent(secret)];
}

function leaksIn(text: string): readonly string[] {
  return Object.entries(SECRETS).flatMap(([name, secret]) => (formsOf(secret).some((form) => text.includes(form)) ? [name] : []));
}

/** What Slack and PagerDuty would have to be for a secret to come back: everything fails, and says what it was sent. */
class Parrot implements AsyncDisposable {
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  readonly #counts = new Map<string, number>();
  /** Paths, headers and bodies as they came. */
  readonly heard: { readonly path: string; readonly authorization: string; readonly body: string }[] = [];
  url = '';
  /** What comes of a Socket Mode connection: only the first failure is in the log. */
  sockets: 'refused' | 'nowhere' | 'closed' = 'refused';

  async start(): Promise<this> {
    this.#server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
      this.heard.push({ path: 'socket', authorization: '', body: '' });
      socket.end(`HTTP/1.1 403 ${request.url ?? ''}\r\nContent-Length: 0\r\n\r\n`);
    });
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('it does not listen');
    this.url = `http://127.0.0.1:${address.port}`;
    return this;
  }

  /** How often this method was called. */
  count(path: string): number {
    return this.heard.filter((each) => each.path === path).length;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const path = (request.url ?? '').split('/').at(-1) ?? '';
    const { authorization = '' } = request.headers;
    this.heard.push({ path, authorization, body });
    const count = (this.#counts.get(path) ?? 0) + 1;
    this.#counts.set(path, count);
    const reply = this.#reply(path, count, `${authorization} ${body}`);
    if (reply === undefined) request.socket.destroy();
    else response.writeHead(reply.status, { 'content-type': 'application/json' }).end(JSON.stringify(reply.body));
  }

  /** Nothing when the connection is cut. */
  #reply(path: string, count: number, echo: string): { readonly status: number; readonly body: unknown } | undefined {
    const ticket = `?ticket=${SECRETS.ticket}`;
    switch (path) {
      case 'apps.connections.open':
        if (this.sockets === 'refused') return { status: 200, body: { ok: false, error: echo } };
        return {
          status: 200,
          body: { ok: true, url: this.sockets === 'nowhere' ? ticket : `${this.url.replace('http', 'ws')}/${ticket}` },
        };
      case 'chat.postMessage':
        return count === 1 ? { status: 500, body: echo } : undefined;
      case 'conversations.list':
        // After a post whose fate is not known the message is looked for.
        return { status: 200, body: { ok: false, error: count === 1 ? echo : 'invalid_auth', echo } };
      case 'enqueue': {
        if (count === 1) return { status: 503, body: echo };
        const message = `the routing_key ${SECRETS.routingKey} is unknown`;
        return { status: 400, body: { status: 'invalid event', message, errors: [message, echo] } };
      }
      default:
        return { status: 200, body: { ok: false, error: echo } };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

describe('secrets', () => {
  const started = new AsyncDisposableStack();
  let parrot: Parrot;
  let daemon: TestDaemon;

  beforeAll(async () => {
    parrot = started.use(await new Parrot().start());
    daemon = started.adopt(
      await startDaemon({
        rules: { 'rules.yml': RULES },
        config: {
          log: { level: 'trace' },
          people: { alice: { slack: 'U0ALICE01', pagerduty: 'PALICE1' } },
          roles: { sre: { people: ['alice'], slack_usergroup: 'S0SRE0001' } },
          slack: {
            bot_token: SECRETS.botToken,
            app_token: SECRETS.appToken,
            signing_secret: SECRETS.signingSecret,
            default_channel: '#ops',
            api_url: `${parrot.url}/api/`,
          },
          pagerduty: {
            services: { critical: { routing_key: SECRETS.routingKey } },
            events_url: parrot.url,
            webhook_secrets: [SECRETS.webhookSecret],
          },
          escalation_policies: {
            standard: [{ after: '15m', notify: { slack: '#ops' } }],
            pages: [{ after: '0s', notify: { pagerduty: 'critical' } }],
          },
        },
      }),
      (it) => it.stop(),
    );
  });
  afterAll(() => started.disposeAsync());

  const failedSockets = (): number => daemon.logs().filter(({ msg }) => String(msg).startsWith('no Socket Mode')).length;
  const postSigned = (path: string, body: string): ReturnType<typeof postToDaemon> => {
    const timestamp = String(Math.floor(Date.now() / 1_000));
    const digest = createHmac('sha256', SECRETS.signingSecret).update(`v0:${timestamp}:${body}`).digest('hex');
    return postToDaemon(`${daemon.url}${path}`, body, {
      'content-type': 'application/x-www-form-urlencoded',
      'x-slack-request-timestamp': timestamp,
      'x-slack-signature': `v0=${digest}`,
    });
  };

  it('are in no log, answer, row, process list or message, whatever the other side does with them', async () => {
    const answers: string[] = [];
    expect(await daemon.sendWebhook(webhookBody([firingAlert({ alertname: 'Paged', host: 'web' })]))).toBe(202);
    const action = { action_id: 'remedyd:why', value: 'inc_none' };
    const click = {
      type: 'block_actions',
      user: { id: 'U0ALICE01' },
      response_url: `${parrot.url}/${SECRETS.responseUrl}`,
      actions: [action],
    };
    answers.push((await postSigned('/slack/interactions', `payload=${encodeURIComponent(JSON.stringify(click))}`)).body);
    answers.push((await postSigned('/slack/commands', 'command=%2Fremedyd&text=status&user_id=U0NOBODY1')).body);
    answers.push((await postToDaemon(`${daemon.url}/webhooks/pagerduty`, '{}', { 'x-pagerduty-signature': 'v1=00' })).body);
    for (const token of [`${ADMIN_TOKEN}x`, WEBHOOK_TOKEN]) {
      const response = await fetch(`${daemon.url}/api/v1/status`, { headers: { authorization: `Bearer ${token}` } });
      answers.push(await response.text());
    }
    // Each way to fail has been gone once.
    await waitUntil(
      'everything was refused',
      () =>
        parrot.count('chat.postMessage') >= 2 &&
        parrot.count('conversations.list') >= 2 &&
        parrot.count('enqueue') >= 2 &&
        parrot.count('apps.connections.open') >= 1 &&
        parrot.count('auth.test') >= 1 &&
        parrot.count('usergroups.users.list') >= 1 &&
        parrot.count(SECRETS.responseUrl) >= 1
          ? true
          : undefined,
      { explain: () => parrot.heard.map(({ path }) => path).join(' ') },
    );
    await waitUntil('what came of it is on disk', async () => {
      const { body } = await daemon.api('/api/v1/notifications');
      const { notifications } = body as { notifications: { channel: string; state: string; error: string | null }[] };
      const isDone = notifications.some(({ channel, state }) => channel === 'pagerduty' && state === 'dead');
      return isDone && notifications.some(({ error }) => error?.includes('invalid_auth')) ? true : undefined;
    });
    const [incident] = await daemon.incidents('paged');
    const id = incident?.id ?? '';
    for (const path of [
      'status',
      'incidents',
      `incidents/${id}`,
      `incidents/${id}/post-mortem`,
      'notifications',
      'audit',
      'rules',
    ])
      answers.push(JSON.stringify((await daemon.api(`/api/v1/${path}`)).body));
    answers.push(await (await fetch(`${daemon.url}/metrics`)).text());
    expect(answers.flatMap(leaksIn)).toEqual([]);

    // They are all in use, and would be found.
    const heard = parrot.heard.map(({ path, authorization, body }) => `${path} ${authorization} ${body}`).join('\n');
    expect(leaksIn(heard)).toEqual(['botToken', 'appToken', 'routingKey', 'responseUrl']);
    expect(leaksIn(Buffer.from(`user:${SECRETS.webhookSecret}.`).toString('base64'))).toEqual(['webhookSecret']);

    const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    const commands = processes.map((pid) =>
      existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : '',
    );
    expect(commands.some((command) => command.includes(daemon.configFile))).toBe(true);
    expect(commands.flatMap(leaksIn)).toEqual([]);

    // What is said to the vendors has no secret but theirs, in its place.
    for (const { body } of parrot.heard) expect(leaksIn(body.replace(`"routing_key":"${SECRETS.routingKey}"`, ''))).toEqual([]);

    for (const way of ['nowhere', 'closed'] as const) {
      parrot.sockets = way;
      const warned = failedSockets();
      await daemon.stopProcess();
      await daemon.restart();
      await waitUntil('the connection has failed', () => (failedSockets() > warned ? true : undefined));
    }
    await daemon.stopProcess();
    const folder = dirname(daemon.configFile);
    const files = readdirSync(folder).filter((name) => name.endsWith('.log') || name.startsWith('remedyd.db'));
    expect(files).toEqual(expect.arrayContaining(['stdout.log', 'remedyd.db']));
    for (const file of files)
      expect({ file, leaks: leaksIn(readFileSync(join(folder, file), 'latin1')) }).toEqual({ file, leaks: [] });
  }, 60_000);
});
