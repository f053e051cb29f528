import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { startDaemon } from '../support/daemon.ts';
import { runCli } from '../support/daemon-cli.ts';
import { hasEnded, lastRun } from '../support/daemon-timeline.ts';
import { firingAlert, webhookBody } from '../support/daemon-webhook.ts';
import { createTemporaryDirectory } from '../support/servers/temporary-directory.ts';

const LIBRARY = join(import.meta.dirname, '../../rules/library');
/** The files with the rules below. */
const RULE_FILES = ['docker.yml', 'postgres.yml', 'redis.yml'];

/** What the example rules need; nothing is there to be reached. */
const CONFIG = {
  connections: {
    postgres: { main: { url: 'postgres://remedyd@127.0.0.1:1/postgres' } },
    redis: { cache: { url: 'redis://127.0.0.1:1' } },
    docker: { local: { host: 'tcp://127.0.0.1:1', allow: ['web-*'] } },
    prometheus: { main: { url: 'http://127.0.0.1:1' } },
    files: { local: { allow: ['/backups'] } },
  },
};

const EXAMPLES = [
  {
    rule: 'postgres-connections-exhausted',
    labels: { alertname: 'PostgresTooManyConnections', severity: 'critical', cluster: 'a' },
    target: 'postgres/a',
    steps: ['before', 'kill', 'after'],
  },
  {
    rule: 'container-not-answering',
    labels: { alertname: 'ContainerNotAnswering', severity: 'critical', container: 'web-1' },
    target: 'container/web-1',
    steps: ['state', 'logs', 'restart'],
  },
  {
    rule: 'redis-memory-full',
    labels: { alertname: 'RedisMemoryFull', severity: 'warning', cluster: 'a' },
    target: 'redis/a',
    steps: ['before', 'clear'],
  },
];

const explanation = z.object({
  rules: z.array(
    z.object({
      name: z.string(),
      matched: z.boolean(),
      failed_matcher: z.string().nullable(),
      target: z.string().nullable(),
      gates: z.array(z.object({ gate: z.string(), verdict: z.string() })),
      steps: z.array(z.object({ id: z.string() })),
    }),
  ),
});

describe('the example rules', () => {
  const started = new AsyncDisposableStack();
  let folder: string;
  let configFile: string;

  beforeAll(() => {
    folder = started.adopt(createTemporaryDirectory('examples'), (it) => it.remove()).path;
    configFile = join(folder, 'remedyd.yml');
    writeFileSync(configFile, JSON.stringify({ ...CONFIG, rules: RULE_FILES.map((file) => join(LIBRARY, file)) }));
  });
  afterAll(() => started.disposeAsync());

  it('have no faults', async () => {
    expect(await runCli(['check', '--config', configFile])).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^ok: \d+ rules, 0 warnings$/m),
      stderr: '',
    });
  });

  it.each(EXAMPLES)('$rule takes its alert, and no other does', async ({ rule, labels, target, steps }) => {
    const payload = join(folder, `${rule}.json`);
    writeFileSync(payload, JSON.stringify(webhookBody([firingAlert(labels)])));
    const { code, stdout } = await runCli(['explain', '--config', configFile, '--payload', payload, '--json']);
    expect(code).toBe(0);
    const { rules } = explanation.parse(JSON.parse(stdout));
    expect(rules.map(({ name }) => name)).toEqual(expect.arrayContaining(EXAMPLES.map((example) => example.rule)));
    expect(rules.filter(({ matched }) => matched).map(({ name }) => name)).toEqual([rule]);
    const explained = rules.find(({ name }) => name === rule);
    expect(explained).toMatchObject({ failed_matcher: null, target });
    expect(explained?.steps.map(({ id }) => id)).toEqual(steps);
    expect(explained?.gates).toContainEqual({ gate: 'observe_mode', verdict: 'suppress' });
    expect(rules.find(({ matched }) => !matched)?.failed_matcher).toContain('alertname ');
  });

  it('only watch, until somebody says otherwise', async () => {
    const rules = Object.fromEntries(RULE_FILES.map((file) => [file, readFileSync(join(LIBRARY, file), 'utf8')]));
    const daemon = await startDaemon({ rules, config: CONFIG });
    try {
      for (const { rule, labels, target } of EXAMPLES) {
        expect(await daemon.sendWebhook(webhookBody([firingAlert(labels)]))).toBe(202);
        const incident = await daemon.waitForIncident(rule, hasEnded);
        expect(lastRun(incident)).toMatchObject({ target, outcome: 'suppressed', reason: 'observe_mode', started_at: null });
      }
      expect(await daemon.metric('remedyd_rules_loaded')).toBeGreaterThanOrEqual(EXAMPLES.length);
    } finally {
      await daemon.stop();
    }
  });
});
