import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../support/daemon-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'remedyd-explain-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const STEP = '{ id: act, uses: http.request, with: { method: POST, path: /act } }';

test.each([
  ['mode: auto', STEP, 'proceed'],
  ['mode: approve', STEP, 'hold: asked at the first change: the rule is in mode approve'],
  [
    'mode: auto',
    STEP.replace(' }', ', approval: true }').replace(', approval: true } }', ' }, approval: true }'),
    'hold: asked at step act',
  ],
  ['mode: auto', '{ id: clear, uses: redis.flush_db }', 'hold: asked at step clear: it is destructive'],
  ['mode: approve', '{ id: look, uses: http.request, with: { path: /health } }', 'proceed'],
])('explain says what gate approval will say: %s, %s', async (mode, step, verdict) => {
  writeFileSync(
    join(folder, 'rules.yml'),
    `rules: [{ name: r, matchers: ['alertname = "A"'], target: t, ${mode}, escalation_policy: p, steps: [${step}] }]\n`,
  );
  writeFileSync(
    join(folder, 'remedyd.yml'),
    `connections:
  http: { web: { base_url: 'http://127.0.0.1:1', allow: ['POST /act', 'GET /health'] } }
  redis: { cache: { url: 'redis://127.0.0.1:1', allow_flush: true } }
escalation_policies: { p: [{ after: 0s, notify: { slack: '#ops' } }] }
`,
  );
  const { stdout } = await runCli([
    'explain',
    '-c',
    join(folder, 'remedyd.yml'),
    '--rules',
    join(folder, 'rules.yml'),
    '--label',
    'alertname=A',
  ]);
  expect(stdout).toContain(`gate approval       ${verdict}\n`);
});
