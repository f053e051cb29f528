import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { configJsonSchema } from '../src/config/config-json-schema.ts';
import type { Environment } from '../src/config/environment.ts';
import { loadConfig } from '../src/config/load-config.ts';
import { parseListen } from '../src/config/parse-listen.ts';
import { isLoopbackHost } from '../src/domain/loopback.ts';
import type { Settings } from '../src/domain/settings.ts';
import { formatProblem } from '../src/schema/problem.ts';

const HOSTILE_CONFIGS = Number(process.env['HOSTILE_CONFIGS'] ?? 1_000);
const FIXTURES = join(import.meta.dirname, 'fixtures', 'config');

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'remedyd-config-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function load(
  source: string | Uint8Array,
  environment: Environment = {},
): Promise<{ readonly settings?: Settings; readonly problems: readonly string[] }> {
  await writeFile(join(directory, 'remedyd.yml'), source);
  const { problems, ...rest } = await loadConfig({ file: 'remedyd.yml', environment, workingDirectory: directory });
  return { ...rest, problems: problems.map(formatProblem) };
}

async function settingsOf(source: string, environment: Environment = {}): Promise<Settings> {
  const { settings, problems } = await load(source, environment);
  if (settings === undefined) throw new Error(problems.join('\n'));
  return settings;
}

describe('defaults', () => {
  test('without a file the daemon starts on loopback with SQLite and the rules in rules/', async () => {
    const { settings, problems } = await loadConfig({ environment: {}, workingDirectory: '/srv' });
    expect(problems).toEqual([]);
    expect(settings).toMatchObject({
      listen: { host: '127.0.0.1', port: 9099 },
      store: { path: '/srv/data/remedyd.db', retentionMs: 90 * 86_400_000 },
      rules: ['/srv/rules'],
      watch: false,
      log: { level: 'info', format: 'json' },
      auth: { webhook: [], tokens: [] },
      approval: { roles: [], count: 1, timeoutMs: 900_000, onTimeout: 'escalate' },
      limits: {
        storm: { count: 50, windowMs: 60_000 },
        maxRuns: { count: 20, windowMs: 3_600_000 },
        maxConcurrentRuns: 8,
        recurrenceMs: 3_600_000,
        settleMs: 120_000,
        staleAfterMs: 86_400_000,
        bodyBytes: 33_554_432,
      },
    });
    expect(settings?.severities.map(({ name }) => name)).toEqual(['P1', 'P2', 'P3', 'P4']);
  });

  test('an empty file says nothing', async () => {
    expect(await load('# nothing yet\n')).toMatchObject({ problems: [], settings: { listen: { port: 9099 } } });
  });

  test('a file that is named has to be there', async () => {
    const { problems } = await loadConfig({ file: 'none.yml', environment: {}, workingDirectory: directory });
    expect(problems.map(formatProblem)).toEqual(['none.yml:1:1: error: cannot be read (ENOENT)']);
  });
});

describe('whole files', () => {
  test('the example of the rule language', async () => {
    const { settings, problems } = await loadConfig({
      file: join(FIXTURES, 'example.yml'),
      environment: {},
      workingDirectory: directory,
    });
    expect(problems.map(({ message }) => message)).toEqual([
      'without `slack` nobody knows who is in this user group',
      "pages to 'production-major' go to the log only: `pagerduty` is not configured",
    ]);
    const [http, exec] = settings?.connections ?? [];
    expect(http).toMatchObject({ kind: 'http', name: 'dean-airflow', basicAuth: { username: 'remedyd' } });
    expect(http?.kind === 'http' && http.basicAuth?.password.reveal()).toBe('airflow secret');
    expect(exec).toMatchObject({
      kind: 'exec',
      timeoutMs: 600_000,
      args: { fix_id: { type: 'string', pattern: 'FIX-[0-9]{3}' } },
    });
    expect(settings?.people.get('bob')).toEqual({});
  });

  test('everything that can be configured', async () => {
    const environment = {
      REMEDYD_WEBHOOK_TOKEN: 'w'.repeat(32),
      DEAN_DATABASE_URL: 'postgres://u:hunter2@db/x',
      DEAN_REDIS_URL: 'redis://:hunter2@cache',
      SLACK_BOT_TOKEN: 'xoxb-hunter2',
      SLACK_SIGNING_SECRET: 'hunter2',
      SLACK_APP_TOKEN: 'xapp-hunter2',
      PAGERDUTY_ROUTING_KEY: 'hunter2'.padEnd(32, '0'),
      PAGERDUTY_SECRET: 'new-hunter2',
    };
    const { settings, problems } = await loadConfig({
      file: join(FIXTURES, 'full.yml'),
      environment,
      workingDirectory: directory,
    });
    expect(problems.map(formatProblem)).toEqual([]);
    expect(settings).toMatchObject({
      listen: { host: '0.0.0.0', port: 9099 },
      externalUrl: 'https://remedyd.example.com',
      rules: [join(FIXTURES, 'rules')],
      auth: {
        webhook: [
          { kind: 'bearer', name: 'prod' },
          { kind: 'basic', name: 'old', username: 'am' },
          { kind: 'client_cert', name: 'mesh', subject: 'CN=alertmanager' },
        ],
        tokens: [{ person: 'alice', role: 'responder' }],
        tls: { certFile: join(FIXTURES, 'tls/cert.pem'), clientCaFile: join(FIXTURES, 'tls/ca.pem') },
      },
      severities: [
        { name: 'P0', responseTimeMs: 900_000, escalationPolicy: 'standard', pagerdutySeverity: 'critical' },
        { name: 'P1', notify: { slack: '#alerts', ownChannel: true }, updateEveryMs: 1_800_000, postMortem: true },
        { name: 'P3', activeTimeIntervals: ['business-hours'], postMortem: false },
      ],
      slack: { defaultChannel: '#incidents', apiUrl: 'http://127.0.0.1:1' },
      pagerduty: { eventsUrl: 'http://127.0.0.1:1' },
    });
    const { slack, pagerduty } = settings ?? {};
    expect([slack?.botToken, slack?.appToken, slack?.signingSecret].map((secret) => secret?.reveal())).toEqual([
      'xoxb-hunter2',
      'xapp-hunter2',
      'hunter2',
    ]);
    expect(pagerduty?.services.get('production-critical')?.reveal()).toHaveLength(32);
    expect(pagerduty?.webhookSecrets.map((secret) => secret.reveal())).toEqual(['new-hunter2', 'old-hunter2']);
    expect(settings?.roles.get('dba')).toEqual({ people: [], slackUsergroup: 'S456' });
    expect(settings?.connections.map(({ kind, name }) => `${kind}/${name}`)).toEqual([
      'postgres/main',
      'redis/cache',
      'docker/local',
      'http/orchestrator',
      'exec/hotfix',
      'kubernetes/prod',
      'prometheus/main',
      'alertmanager/main',
    ]);
    expect(settings?.auth.tokens[0]?.token.reveal()).toBe('a-token-of-alice-that-is-long');
    expect(settings?.escalationPolicies.get('standard')?.map(({ afterMs }) => afterMs)).toEqual([0, 300_000, 900_000]);
    const hours = settings?.timeIntervals.get('business-hours');
    expect(hours?.interval.contains(Date.parse('2026-11-23T08:00:00Z'))).toBe(true);
    expect(hours?.definition).toEqual({
      name: 'business-hours',
      time_intervals: [
        { weekdays: ['monday:friday'], times: [{ start_time: '09:00', end_time: '17:00' }], location: 'Europe/Berlin' },
      ],
    });
    expect(inspect(settings, { depth: 10 }) + JSON.stringify(settings)).not.toMatch(/hunter2|wwww|that-is-long/);
  });
});

describe('the environment', () => {
  test('replaces references in texts, and only there', async () => {
    const source =
      "vars: { a: '${A}-${B:-b}', c: '$${A}', d: '${E:-}', n: '${N}' }\nwatch: ${WATCH:-true}\nlimits: { settle: '${S:-5m}' }\n";
    const settings = await settingsOf(source, { A: '1', B: '', N: '7' });
    expect(settings.vars).toEqual({ a: '1-b', c: '${A}', d: '', n: '7' });
    expect(settings.watch).toBe(true);
    expect(settings.limits.settleMs).toBe(300_000);
  });

  test('gives numbers where the reference has no quotes, and keeps the digits of secrets', async () => {
    const source = 'limits:\n  max_concurrent_runs: ${N}\nauth:\n  webhook:\n    - name: prod\n      bearer_token: ${TOKEN}\n';
    const settings = await settingsOf(source, { N: '3', TOKEN: '00123456789012345678901' });
    expect(settings.limits.maxConcurrentRuns).toBe(3);
    expect(settings.auth.webhook[0]?.kind === 'bearer' && settings.auth.webhook[0].token.reveal()).toBe(
      '00123456789012345678901',
    );
  });

  test('an unset variable, and what only looks like a reference, are errors at their place', async () => {
    const { problems } = await load("external_url: 'http://${HOST_NAME}/'\nvars: { a: '${1}', b: 'x${', c: '${constructor}' }\n");
    expect(problems).toEqual([
      'remedyd.yml:1:23: error: the environment variable HOST_NAME is not set; set it, or write ${HOST_NAME:-default}',
      'remedyd.yml:2:13: error: expected ${NAME} or ${NAME:-default}; write $${ where the text has a ${',
      'remedyd.yml:2:25: error: a ${ without its }; write $${ where the text has a ${',
      'remedyd.yml:2:34: error: the environment variable constructor is not set; set it, or write ${constructor:-default}',
    ]);
  });

  test('what a variable holds is not quoted', async () => {
    const { problems } = await load("limits: { settle: '${SECRET}' }\nlog: { level: '${SECRET}' }\nexternal_url: ${SECRET}\n", {
      SECRET: 'hunter2',
    });
    expect(problems).toHaveLength(3);
    expect(problems.join('\n')).not.toContain('hunter2');
  });
});

describe('secrets in files', () => {
  test('are read without their line break, relative to the configuration', async () => {
    await writeFile(join(directory, 'url'), 'postgres://db/x\r\n');
    await writeFile(join(directory, 'secrets'), 'one\ntwo\n');
    const settings = await settingsOf(
      'connections:\n  postgres: { main: { url_file: url } }\n  exec: { x: { command: [/bin/x], environment: { TOKEN_file: url } } }\npagerduty: { webhook_secrets_file: secrets }\n',
    );
    const [postgres, exec] = settings.connections;
    expect(postgres?.kind === 'postgres' && postgres.url.reveal()).toBe('postgres://db/x');
    expect(exec?.kind === 'exec' && exec.environment['TOKEN']?.reveal()).toBe('postgres://db/x');
  });

  test('missing, empty or doubly given ones are errors', async () => {
    await writeFile(join(directory, 'empty'), ' \n');
    const { problems } = await load(
      'connections:\n  postgres:\n    a: { url_file: none }\n    b: { url_file: empty }\n    c: { url_file: empty, url: x }\n    d: {}\n    e: { url: "" }\n',
    );
    expect(problems).toEqual([
      'remedyd.yml:3:20: error: "none" cannot be read (ENOENT)',
      'remedyd.yml:4:20: error: "empty" is empty; put the secret into it',
      "remedyd.yml:5:10: error: give 'url' or 'url_file', not both",
      'remedyd.yml:7:16: error: the secret is empty; give it a value, or remove the key',
    ]);
    expect((await load('connections: { postgres: { d: {} } }')).problems).toEqual([
      "remedyd.yml:1:28: error: 'url' or 'url_file' is missing",
    ]);
  });
});

describe('refused at start, each with one clear line', () => {
  const TOKEN = 'x'.repeat(32);

  test.each([
    [
      'a listener that everybody reaches',
      'listen: 0.0.0.0:9099',
      'remedyd.yml:1:9: error: other machines can reach this address, and nobody would have to authenticate; add auth.webhook (or [{ none: true }] there), or listen on 127.0.0.1',
    ],
    ['an address', 'listen: 9099', 'remedyd.yml:1:9: error: expected a text, got 9099'],
    [
      'an address',
      'listen: localhost',
      'remedyd.yml:1:9: error: expected HOST:PORT such as 127.0.0.1:9099, [::1]:9099 or :9099, got "localhost"',
    ],
    [
      'none beside others',
      `auth: { webhook: [{ none: true }, { name: a, bearer_token: ${TOKEN} }] }`,
      'remedyd.yml:1:21: error: none lets everybody in, so the other credentials protect nothing; remove it or them',
    ],
    [
      'two ways in one credential',
      `auth: { webhook: [{ name: a, none: true, bearer_token: ${TOKEN} }] }`,
      'remedyd.yml:1:19: error: expected exactly one of bearer_token, basic, client_cert or none, got bearer_token and none',
    ],
    [
      'no way in a credential',
      'auth: { webhook: [{ name: a }] }',
      'remedyd.yml:1:19: error: expected exactly one of bearer_token, basic, client_cert or none, got none of them',
    ],
    [
      'a credential without a name',
      `auth: { webhook: [{ bearer_token: ${TOKEN} }] }`,
      "remedyd.yml:1:19: error: 'name' is missing: it is the source of the alerts that come with it",
    ],
    [
      'an empty token',
      "auth: { webhook: [{ name: a, bearer_token: '' }] }",
      'remedyd.yml:1:45: error: the secret is empty; give it a value, or remove the key',
    ],
    [
      'certificates without an authority',
      'auth: { webhook: [{ name: a, client_cert: { subject: CN=a } }] }',
      'remedyd.yml:1:30: error: client certificates need auth.tls with client_ca_file',
    ],
    [
      'a person',
      `auth: { api: { tokens: [{ person: alcie, role: admin, token: ${TOKEN} }] } }\npeople: { alice: }`,
      "remedyd.yml:1:35: error: unknown person 'alcie', did you mean 'alice'?",
    ],
    ['a person of a role', 'roles: { sre: [bob] }', "remedyd.yml:1:16: error: unknown person 'bob'; no people are configured"],
    ['a role', 'approval: { roles: [sre] }', "remedyd.yml:1:21: error: unknown role 'sre'; no roles are configured"],
    [
      'a policy',
      'severities: [{ name: P1, matchers: ["a=b"], escalation_policy: x }]',
      "remedyd.yml:1:64: error: unknown escalation policy 'x'; no escalation_policies are configured",
    ],
    [
      'an interval',
      'severities: [{ name: P1, matchers: ["a=b"], active_time_intervals: [x] }]',
      "remedyd.yml:1:69: error: unknown time interval 'x'; no time_intervals are configured",
    ],
    [
      'a matcher',
      `severities: [{ name: P1, matchers: ['a!b'] }]`,
      "remedyd.yml:1:39: error: \"!b\" is not an operator; expected '=', '!=', '=~' or '!~'",
    ],
    [
      'two severities of one name',
      'severities: [{ name: P1, matchers: ["a=b"] }, { name: P1, matchers: ["a=c"] }]',
      "remedyd.yml:1:55: error: the severity 'P1' stands twice; names are unique",
    ],
    [
      'PostgreSQL as the store',
      'store: { url: "postgres://u:hunter2@db/x" }',
      'remedyd.yml:1:16: error: postgres: not available in this version; use sqlite:PATH',
    ],
    [
      'another store',
      'store: { url: "mysql://u:hunter2@db/x" }',
      'remedyd.yml:1:16: error: expected sqlite:PATH, such as sqlite:data/remedyd.db',
    ],
    ['an unknown key', 'lisen: x', "remedyd.yml:1:1: error: unknown key 'lisen', did you mean 'listen'?"],
    [
      'an unknown key of a connection',
      'connections: { docker: { local: { sockt: /x } } }',
      "remedyd.yml:1:35: error: unknown key 'sockt', did you mean 'socket'?",
    ],
    [
      'an unknown kind',
      'connections: { postgre: { local: {} } }',
      "remedyd.yml:1:16: error: unknown key 'postgre', did you mean 'postgres'?",
    ],
    [
      'a request that is not one',
      'connections: { http: { a: { base_url: "http://x", allow: [GET] } } }',
      'remedyd.yml:1:59: error: expected a method and a path, with * for one segment or part of it, such as \'POST /jobs/*/stop\', got "GET"',
    ],
    [
      'a password in a URL',
      'connections: { http: { a: { base_url: "http://u:p@x" } } }',
      'remedyd.yml:1:40: error: a URL with a password in it would be shown; use basic_auth or bearer_token',
    ],
    [
      'an argument of a command',
      "connections: { exec: { a: { command: [/x, '{{ args.idd }}'], args: { id: {} } } } }",
      "remedyd.yml:1:44: error: unknown argument 'idd', did you mean 'id'?",
    ],
    [
      'an expression in a command',
      "connections: { exec: { a: { command: [/x, '{{ labels.x }}'] } } }",
      'remedyd.yml:1:44: error: {{ labels.x }} is not known here; expected {{ args.NAME }}',
    ],
    [
      'a program that rules choose',
      "connections: { exec: { a: { command: ['{{ args.x }}'], args: { x: {} } } } }",
      'remedyd.yml:1:40: error: the program is fixed; only its arguments may hold {{ args.NAME }}',
    ],
    ['a list', '[]', 'remedyd.yml:1:1: error: expected a mapping, got a list'],
  ])('%s', async (_, source, expected) => {
    const { settings, problems } = await load(source);
    expect(settings).toBeUndefined();
    expect(problems).toEqual([expected]);
    expect(problems.join()).not.toContain('hunter2');
  });

  test('all problems of all sections at once, and none that only follows from another', async () => {
    const { problems } = await load(
      'listen: 0.0.0.0:1\nauth: { webhok: [] }\npeople: { alice: 3 }\nroles: { sre: [alice] }\napproval: { roles: [srx] }\n',
    );
    expect(problems).toEqual([
      "remedyd.yml:2:9: error: unknown key 'webhok', did you mean 'webhook'?",
      'remedyd.yml:3:18: error: expected a mapping, got 3',
      "remedyd.yml:5:21: error: unknown role 'srx', did you mean 'sre'?",
    ]);
  });

  test('a short token is a warning', async () => {
    const { settings, problems } = await load('auth: { webhook: [{ name: a, bearer_token: short }] }');
    expect(settings).toBeDefined();
    expect(problems).toEqual([
      'remedyd.yml:1:44: warning: the token has less than 16 characters and can be guessed; make one with: openssl rand -hex 32',
    ]);
  });

  test('everybody may come in when that is what is written', async () => {
    expect((await load('listen: :9099\nauth: { webhook: [{ none: true }] }')).settings).toMatchObject({
      listen: { host: '' },
      auth: { webhook: [{ kind: 'none', name: 'default' }] },
    });
  });
});

describe('people', () => {
  const KEY = 'k'.repeat(32);
  const SLACK = `slack: { bot_token: xoxb-${KEY}, app_token: xapp-${KEY} }`;

  test.each([
    [
      'no token',
      'slack: { signing_secret: hunter2 }',
      "1:1: error: 'bot_token' or 'bot_token_file' is missing: without it no message goes out",
    ],
    [
      'an empty token',
      "slack: { bot_token: '${NONE:-}' }",
      '1:22: error: the secret is empty; give it a value, or remove the key',
    ],
    [
      'an app token of another kind',
      `slack: { bot_token: xoxb-hunter2, app_token: xoxb-hunter2 }`,
      '1:46: error: an app-level token starts with xapp-; it is made under Basic Information, App-Level Tokens',
    ],
    [
      'an address',
      `slack: { bot_token: xoxb-hunter2, api_url: 'slack.com' }`,
      '1:45: error: expected a URL that starts with http:// or https://, got "slack.com"',
    ],
    [
      'a service without a key',
      'pagerduty: { services: { ops: {} } }',
      "1:26: error: 'routing_key' or 'routing_key_file' is missing",
    ],
    [
      'a routing key that is none',
      'pagerduty: { services: { ops: { routing_key: hunter2 } } }',
      '1:46: error: a routing key of the Events API v2 has 32 letters and digits, this text has 7 characters',
    ],
    [
      'an empty webhook secret',
      "pagerduty: { webhook_secrets: ['${NONE:-}'] }",
      '1:33: error: the secret is empty; give it a value, or remove the key',
    ],
    [
      'an address',
      'pagerduty: { events_url: ftp://x }',
      '1:26: error: expected a URL that starts with http:// or https://, got "ftp://x"',
    ],
    [
      'a service that is not configured',
      `pagerduty: { services: { ops: { routing_key: ${KEY} } } }\nseverities: [{ name: P1, matchers: ['a = "b"'], notify: { pagerduty: opps } }]`,
      "2:70: error: unknown PagerDuty service 'opps', did you mean 'ops'?",
    ],
    [
      'a name instead of an id',
      "people: { alice: { slack: '@alice' } }",
      '1:28: error: expected a Slack user id such as U012AB3CD (ids, not names: in Slack, profile -> Copy member ID), got "@alice"',
    ],
    [
      'the name of a group',
      'roles: { sre: { slack_usergroup: sre-team } }',
      '1:34: error: expected the id of a Slack user group such as S012AB3CD (ids, not names: in Slack, user group -> Copy group ID), got "sre-team"',
    ],
    [
      'an id that two have',
      'people: { alice: { slack: U1 }, bob: { slack: U1 } }',
      "1:47: error: this is the id of 'alice' too; everybody has their own",
    ],
  ])('%s is refused', async (_, source, expected) => {
    const { settings, problems } = await load(source);
    expect(settings).toBeUndefined();
    expect(problems).toEqual([`remedyd.yml:${expected}`]);
    expect(problems.join()).not.toContain('hunter2');
  });

  test.each([
    [
      'an address where PagerDuty says an id',
      'people: { alice: { pagerduty: a@example.com } }\npagerduty: { webhook_secrets: [hunter2] }',
      "1:31: warning: what this person does in PagerDuty comes back with the user's id: write the id, such as PABC123, not the address",
    ],
    [
      'a way out and none back',
      `slack: { bot_token: xoxb-${KEY} }`,
      "1:1: warning: neither 'signing_secret' (HTTP) nor 'app_token' (Socket Mode): messages go out, buttons and commands do not come back",
    ],
    [
      'a token of a person',
      `slack: { bot_token: xoxp-${KEY}, app_token: xapp-${KEY} }`,
      '1:21: warning: a bot token starts with xoxb-; with another one, what the bot may do is not what the docs say',
    ],
    [
      'pages without a pager, said once',
      'escalation_policies: { a: [{ after: 0s, notify: { pagerduty: ops } }, { after: 1m, notify: { pagerduty: dba } }] }',
      "1:62: warning: pages to 'ops' go to the log only: `pagerduty` is not configured",
    ],
    [
      'somebody without an id',
      `people: { alice: }\n${SLACK}\nescalation_policies: { a: [{ after: 0s, notify: { slack: '@alice' } }] }`,
      '3:59: warning: alice has no `slack` id in `people`',
    ],
    [
      'nobody',
      `people: { alice: { slack: U1 } }\n${SLACK}\nescalation_policies: { a: [{ after: 0s, notify: { slack: '@alcie' } }] }`,
      "3:59: warning: unknown person or role 'alcie', did you mean 'alice'?",
    ],
    [
      'a role of people without ids',
      `people: { alice: }\nroles: { sre: [alice] }\n${SLACK}\nescalation_policies: { a: [{ after: 0s, notify: { slack: '@sre' } }] }`,
      "4:59: warning: the role 'sre' has no slack_usergroup, and none of its people has a `slack` id",
    ],
    [
      'a channel without its #',
      `slack: { bot_token: xoxb-${KEY}, app_token: xapp-${KEY}, default_channel: ops }`,
      '1:127: warning: expected a channel (#ops or its id), the id of a user, @person or @role, got "ops"',
    ],
    [
      'an empty role that is asked',
      'roles: { sre: [] }\napproval: { roles: [sre] }',
      "2:20: warning: nobody is in the role 'sre'",
    ],
    [
      'more people than there are',
      'people: { alice: }\nroles: { sre: [alice] }\napproval: { roles: [sre], count: 2 }',
      '3:20: warning: 2 people are asked for, and sre names 1: it can never be given',
    ],
    [
      'a group that nobody can look up',
      'roles: { sre: { slack_usergroup: S1 } }',
      '1:34: warning: without `slack` nobody knows who is in this user group',
    ],
    [
      'a clock that never runs',
      "severities: [{ name: P1, matchers: ['a = \"b\"'], active_time_intervals: [old] }]\ntime_intervals: [{ name: old, time_intervals: [{ years: ['2020'] }] }]",
      '1:72: warning: no time within the next year is in these intervals; people are called as if they were not written',
    ],
  ])('%s is a warning', async (_, source, expected) => {
    const { settings, problems } = await load(source);
    expect(settings).toBeDefined();
    expect(problems).toEqual([`remedyd.yml:${expected}`]);
  });

  test('whoever can be reached is no problem', async () => {
    const { problems } = await load(
      `people: { alice: { slack: U1 } }\nroles: { sre: [alice], dba: { slack_usergroup: S1 } }\n${SLACK}\napproval: { roles: [dba], count: 5 }\nescalation_policies: { a: [{ after: 0s, notify: { slack: '@alice' } }, { after: 0s, notify: { slack: '@dba' } }, { after: 0s, notify: { slack: C012 } }, { after: 0s, notify: { slack: '#ops' } }] }`,
    );
    expect(problems).toEqual([]);
  });
});

describe('addresses', () => {
  test.each([
    ['127.0.0.1:9099', { host: '127.0.0.1', port: 9099 }, true],
    ['127.8.9.1:0', { host: '127.8.9.1', port: 0 }, true],
    ['[::1]:80', { host: '::1', port: 80 }, true],
    ['localhost:80', { host: 'localhost', port: 80 }, true],
    [':9099', { host: '', port: 9099 }, false],
    ['[::]:9099', { host: '::', port: 9099 }, false],
    ['0.0.0.0:9099', { host: '0.0.0.0', port: 9099 }, false],
    ['localhost.example.com:80', { host: 'localhost.example.com', port: 80 }, false],
  ])('%s', (text, address, loopback) => {
    expect(parseListen(text)).toEqual(address);
    expect(isLoopbackHost(address.host)).toBe(loopback);
  });

  test.each(['', '9099', 'a:b', '127.0.0.1:70000', '[127.0.0.1]:80', '::1:80', 'a b:80'])('%j is none', (text) => {
    expect(parseListen(text)).toBeUndefined();
  });
});

test('the JSON Schema names every key, with the file forms of secrets', () => {
  const schema = JSON.stringify(configJsonSchema());
  for (const key of [
    'listen',
    'escalation_policies',
    'bearer_token_file',
    'allow_flush',
    'time_intervals',
    'days_of_month',
    'max_concurrent_runs',
  ]) {
    expect(schema).toContain(`"${key}"`);
  }
  expect(configJsonSchema()).toMatchObject({ $schema: 'http://json-schema.org/draft-07/schema#', additionalProperties: false });
});

test(`${HOSTILE_CONFIGS} hostile files: settings or problems, never an exception`, async () => {
  const keys = [
    'listen',
    'auth',
    'webhook',
    'none',
    'people',
    'roles',
    'connections',
    'exec',
    'command',
    'severities',
    'matchers',
    'time_intervals',
    'limits',
    'url_file',
    'url',
    'store',
    'constructor',
    'vars',
    'name',
    'times',
    'weekdays',
  ];
  const leaf = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.constantFrom('${HOME}', '${', '{{ args.x }}', '3 per 1h', 'a=b', '0.0.0.0:1', '/dev/null', '..', '\0'),
  );
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      leaf,
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(fc.oneof(fc.constantFrom(...keys), fc.string()), tie('tree'), { maxKeys: 4 }),
    ),
  }));
  const content = fc.oneof(
    { weight: 3, arbitrary: fc.dictionary(fc.constantFrom(...keys), tree).map((value) => Buffer.from(JSON.stringify(value))) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 100 }) },
  );
  await fc.assert(
    fc.asyncProperty(content, async (bytes) => {
      const { settings, problems } = await load(bytes, { HOME: '/root' });
      expect(settings !== undefined || problems.length > 0).toBe(true);
      for (const problem of problems) expect(problem).toMatch(/^remedyd\.yml:[1-9]\d*:[1-9]\d*: (?:error|warning): \S[^\n\r]*$/);
    }),
    { numRuns: HOSTILE_CONFIGS },
  );
});
