import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { load } from 'js-yaml';
import * as z from 'zod';
import { copyLabels } from '../src/domain/alert.ts';
import { parseMatchers, type Matcher } from '../src/domain/matcher.ts';
import { readAlertmanagerConfig } from '../src/rules/alertmanager-config.ts';
import { routesTaken } from '../src/rules/alertmanager-routes.ts';
import { criticalAlerts } from '../src/rules/critical-alerts.ts';
import { lintAlertmanagerConfig } from '../src/rules/lint-alertmanager-config.ts';
import { formatProblem } from '../src/schema/problem.ts';
import { parseYaml } from '../src/schema/yaml-file.ts';
import { describeWith } from './support/servers/describe-with.ts';
import { findProgram } from './support/servers/server-catalog.ts';

const PROJECT = join(import.meta.dirname, '..');
const FOLDER = join(PROJECT, 'alertmanager-config');
const LIBRARY = join(PROJECT, 'rules/library');
const OWN_ALERTS = 'remedyd.rules.yml';
const ALERT_FILES = readdirSync(join(FOLDER, 'alerts')).map((file) => join('alerts', file));
const ROUTED_ALERTS = Number(process.env['ROUTED_ALERTS'] ?? 100);

const alertRules = z.object({
  groups: z.array(
    z.object({ rules: z.array(z.looseObject({ alert: z.string(), labels: z.record(z.string(), z.string()).optional() })) }),
  ),
});
const unlessFiring = z.array(z.object({ matchers: z.array(z.string()) })).default([]);
const ruleFile = z.object({
  defaults: z.looseObject({ unless_firing: unlessFiring }).default({ unless_firing: [] }),
  rules: z.array(
    z.looseObject({
      name: z.string(),
      matchers: z.array(z.string()).optional(),
      unless_firing: unlessFiring,
    }),
  ),
});

function readYaml(...path: string[]): unknown {
  return load(readFileSync(join(...path), 'utf8'));
}

function alertsIn(file: string): z.infer<typeof alertRules>['groups'][number]['rules'] {
  return alertRules.parse(readYaml(FOLDER, file)).groups.flatMap(({ rules }) => rules);
}

/** The files of the library: the names of their alerts, the matchers of their rules, and those of the causes that their rules look at. */
function libraryFiles(): readonly {
  readonly name: string;
  readonly alerts: readonly string[];
  readonly matchers: readonly string[][];
  readonly causes: readonly string[][];
}[] {
  const names = readdirSync(LIBRARY).flatMap((file) => (file.endsWith('.yml') ? [file.slice(0, -'.yml'.length)] : []));
  return names.map((name) => {
    const alerts = join('alerts', `${name}.rules.yml`);
    const { defaults, rules } = ruleFile.parse(readYaml(LIBRARY, `${name}.yml`));
    return {
      name,
      alerts: ALERT_FILES.includes(alerts) ? alertsIn(alerts).map(({ alert }) => alert) : [],
      matchers: rules.flatMap(({ matchers }) => (matchers === undefined ? [] : [matchers])),
      causes: [defaults, ...rules].flatMap(({ unless_firing }) => unless_firing.map(({ matchers }) => matchers)),
    };
  });
}

/** Whether a matcher lets an alert of this name through, as far as the name tells. */
function takesName(texts: readonly string[], alertname: string): boolean {
  const onName = texts.flatMap(parseMatchers).filter((matcher: Matcher) => matcher.name === 'alertname');
  return onName.length > 0 && onName.every((matcher) => matcher.matches({ alertname }));
}

function check(
  program: string,
  ...args: string[]
): Promise<{ readonly code: number; readonly stdout: string; readonly output: string }> {
  return new Promise((resolve) => {
    execFile(findProgram(program) ?? program, args, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : 1, stdout, output: `${stdout}${stderr}` });
    });
  });
}

describeWith(['prometheus', 'alertmanager'], 'the configuration for Alertmanager and Prometheus', () => {
  it('is one that Alertmanager takes', async () => {
    const { code, output } = await check('amtool', 'check-config', join(FOLDER, 'alertmanager.yml'));
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('SUCCESS') });
  });

  it('has alerts that Prometheus takes', async () => {
    const files = [...ALERT_FILES, OWN_ALERTS].map((file) => join(FOLDER, file));
    const { code, output } = await check('promtool', 'check', 'rules', ...files);
    expect({ code, output }).toEqual({ code: 0, output: expect.any(String) });
    expect(output.match(/SUCCESS: [1-9]\d* rules found/g)).toHaveLength(files.length);
  });

  it.each([
    ['the rules', { alertname: 'RedisMemoryFull', severity: 'warning' }, ['remedyd']],
    [
      'a person as well, when it is critical',
      { alertname: 'PostgresTooManyConnections', severity: 'critical' },
      ['people-later', 'remedyd'],
    ],
    ['the heartbeat', { alertname: 'Watchdog', severity: 'none' }, ['remedyd']],
    [
      'people alone, when remedyd itself is sick',
      { alertname: 'RemedydDown', severity: 'critical', service: 'remedyd' },
      ['people'],
    ],
  ])('routes alerts to %s', async (_whom, labels, receivers) => {
    const pairs = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
    const { stdout } = await check(
      'amtool',
      'config',
      'routes',
      'test',
      `--config.file=${join(FOLDER, 'alertmanager.yml')}`,
      ...pairs,
    );
    expect(stdout.trim().split(',').sort()).toEqual(receivers);
  });
});

describeWith(['alertmanager'], 'the routing tree', () => {
  interface RouteText {
    readonly receiver?: string;
    readonly matchers?: readonly string[];
    readonly match?: Readonly<Record<string, string>>;
    readonly match_re?: Readonly<Record<string, string>>;
    readonly continue?: boolean;
    readonly routes?: readonly RouteText[];
  }
  const name = fc.constantFrom('severity', 'team');
  const value = fc.constantFrom('a', 'b', '');
  const matcher = fc
    .tuple(name, fc.constantFrom('=', '!=', '=~', '!~'), fc.constantFrom('a', 'b', 'a|b', '.*', ''))
    .map(([label, op, text]) => `${label} ${op} "${text}"`);
  const { tree } = fc.letrec<{ tree: RouteText }>((tie) => ({
    tree: fc.record(
      {
        receiver: fc.constantFrom('r1', 'r2', 'r3', 'r4', 'r5'),
        matchers: fc.array(matcher, { maxLength: 2 }),
        match: fc.dictionary(name, value, { maxKeys: 1, noNullPrototype: true }),
        match_re: fc.dictionary(name, fc.constantFrom('a', 'a|b', '.+'), { maxKeys: 1, noNullPrototype: true }),
        continue: fc.boolean(),
        routes: fc.array(tie('tree'), { maxLength: 3, depthIdentifier: 'routes' }),
      },
      { requiredKeys: [] },
    ),
  }));

  it(`leads ${ROUTED_ALERTS} alerts where amtool says`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'remedyd-routes-'));
    try {
      const file = join(folder, 'alertmanager.yml');
      const receivers = ['root', 'r1', 'r2', 'r3', 'r4', 'r5'].map((each) => ({ name: each }));
      await fc.assert(
        fc.asyncProperty(fc.array(tree, { maxLength: 4 }), value, value, async (routes, severity, team) => {
          const source = JSON.stringify({ route: { receiver: 'root', routes }, receivers });
          await writeFile(file, source);
          const read = parseYaml('alertmanager.yml', source);
          const result = 'yaml' in read ? readAlertmanagerConfig(read.yaml) : read;
          if ('problems' in result) throw new Error(result.problems.map(formatProblem).join('\n'));
          const labels = Object.entries({ severity, team }).filter(([, text]) => text !== '');
          const taken = routesTaken(result.config.root, copyLabels(Object.fromEntries(labels)));
          const pairs = labels.map(([label, text]) => `${label}=${text}`);
          const { stdout, code, output } = await check('amtool', 'config', 'routes', 'test', `--config.file=${file}`, ...pairs);
          expect({ code, said: code === 0 ? '' : output }).toEqual({ code: 0, said: '' });
          expect(taken.map(({ receiver }) => receiver)).toEqual(stdout.trim().split(','));
        }),
        { numRuns: ROUTED_ALERTS },
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('the example alerts and the example rules', () => {
  it('have a way to people beside the one through us, when they are critical', () => {
    const source = readFileSync(join(FOLDER, 'alertmanager.yml'), 'utf8');
    const files = [...ALERT_FILES, OWN_ALERTS].map((path) => ({
      path,
      source: readFileSync(join(FOLDER, path), 'utf8'),
    }));
    const critical = criticalAlerts(files, undefined);
    expect(critical.length).toBeGreaterThan(0);
    expect(lintAlertmanagerConfig('alertmanager.yml', source, { critical })).toEqual([]);
    expect(lintAlertmanagerConfig('alertmanager.yml', source)).toEqual([]);
    const withoutPager = source
      .replace('continue: true', 'continue: false')
      .replace('receiver: people-later', 'receiver: remedyd');
    expect(lintAlertmanagerConfig('alertmanager.yml', withoutPager).map(({ severity }) => severity)).toEqual(['error']);
  });

  it.each(libraryFiles())('of $name have an answer for every alert', ({ alerts, matchers }) => {
    expect(alerts.filter((name) => !matchers.some((texts) => takesName(texts, name)))).toEqual([]);
  });

  it.each(libraryFiles())('of $name have an alert for every rule', ({ alerts, matchers }) => {
    expect(matchers.filter((texts) => !alerts.some((name) => takesName(texts, name)))).toEqual([]);
  });

  it('have an alert for every cause that a rule looks at', () => {
    const names = libraryFiles().flatMap(({ alerts }) => alerts);
    const causes = libraryFiles().flatMap((file) => file.causes);
    expect(causes.length).toBeGreaterThan(0);
    expect(causes.filter((texts) => !names.some((name) => takesName(texts, name)))).toEqual([]);
  });

  it('routes nothing about remedyd itself to remedyd, except its heartbeat', () => {
    const own = alertsIn(OWN_ALERTS).filter(({ alert }) => alert !== 'Watchdog');
    expect(own.map(({ labels }) => labels?.['service'])).toEqual(own.map(() => 'remedyd'));
  });
});
