import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadWorld } from '../../src/cli/load-world.ts';
import { formatProblem } from '../../src/schema/problem.ts';

const RULE = `
rules:
  - name: restart
    matchers: ['alertname = "Down"']
    target: container/{{ labels.container }}
    mode: auto
    escalation_policy: standard
    steps: [{ id: call, uses: http.request, connection: app, with: { method: POST, path: /restart } }]
`;

describe('rule files without a configuration', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'remedyd-rules-'));
    await writeFile(join(folder, 'rule.yml'), RULE);
  });
  afterEach(() => rm(folder, { recursive: true }));

  function load(more: { configFile?: string; rulePaths?: readonly string[] }) {
    return loadWorld({ configFile: undefined, environment: {}, workingDirectory: folder, ...more });
  }

  test('are checked for what stands in them, when they are named', async () => {
    const { loaded, problems } = await load({ rulePaths: [join(folder, 'rule.yml')] });
    expect(problems).toEqual([]);
    expect(loaded?.rules.byName('restart')?.mode).toBe('auto');
  });

  test('are held to the configuration, when there is one', async () => {
    await writeFile(join(folder, 'remedyd.yml'), 'rules: [rule.yml]\n');
    const { loaded, problems } = await load({});
    expect(loaded).toBeUndefined();
    expect(problems.map(formatProblem).join('\n')).toMatch(/unknown http connection 'app'/);
  });

  test('need not exist for a daemon that nobody has configured', async () => {
    const { loaded, problems } = await load({});
    expect(problems).toEqual([]);
    expect(loaded?.rules.rules).toEqual([]);
  });

  test('are taken by a daemon that nobody has configured as long as they only observe', async () => {
    await mkdir(join(folder, 'rules'));
    const path = join(folder, 'rules', 'rule.yml');
    await writeFile(
      path,
      RULE.replace('mode: auto', 'mute_time_intervals: [freeze], approval: { roles: [sre] }'.split(', ').join('\n    ')),
    );
    const { loaded } = await load({});
    expect(loaded?.rules.byName('restart')?.mode).toBe('observe');

    await writeFile(path, RULE);
    const acting = await load({});
    expect(acting.loaded).toBeUndefined();
    expect(acting.problems.map(formatProblem).join('\n')).toMatch(/unknown http connection 'app'/);
  });

  test('have to exist when a configuration names them', async () => {
    await writeFile(join(folder, 'remedyd.yml'), 'rules: [nowhere/]\n');
    const { loaded, problems } = await load({});
    expect(loaded).toBeUndefined();
    expect(problems.map(formatProblem).join('\n')).toMatch(/nowhere/);
  });
});
