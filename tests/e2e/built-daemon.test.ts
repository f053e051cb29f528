import { execFile } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startDaemon } from '../support/daemon.ts';
import { hasEnded, lastRun } from '../support/daemon-timeline.ts';
import { firingAlert, webhookBody } from '../support/daemon-webhook.ts';
import { createTemporaryDirectory } from '../support/servers/temporary-directory.ts';

const PROJECT = join(import.meta.dirname, '../..');
const run = promisify(execFile);

const RULES = `
rules:
  - name: watch
    matchers: ['alertname = "Sick"']
    target: host/{{ labels.host }}
    steps: [{ id: wait, uses: wait, with: { for: 1s } }]
`;

describe('the daemon as it is built', () => {
  it('runs without the sources, and makes an incident of a webhook', async () => {
    await using started = new AsyncDisposableStack();
    const folder = started.adopt(createTemporaryDirectory('build'), (it) => it.remove());
    const dist = join(folder.path, 'dist');
    await run(
      process.execPath,
      [join(PROJECT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json', '--outDir', dist],
      { cwd: PROJECT },
    );
    symlinkSync(join(PROJECT, 'node_modules'), join(folder.path, 'node_modules'));
    symlinkSync(join(PROJECT, 'package.json'), join(folder.path, 'package.json'));
    const options = { main: join(dist, 'main.js'), rules: { 'rules.yml': RULES } };
    const daemon = started.adopt(await startDaemon(options), (it) => it.stop());
    expect(await daemon.sendWebhook(webhookBody([firingAlert({ alertname: 'Sick', host: 'alpha' })]))).toBe(202);
    const incident = await daemon.waitForIncident('watch', hasEnded);
    expect(incident).toMatchObject({ status: 'triggered', labels: { alertname: 'Sick', host: 'alpha' } });
    expect(lastRun(incident)).toMatchObject({
      target: 'host/alpha',
      outcome: 'completed',
      steps: [{ id: 'wait', state: 'succeeded' }],
    });
    expect(await daemon.stopProcess()).toBe(0);
  }, 120_000);
});
