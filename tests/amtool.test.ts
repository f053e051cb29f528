import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import * as z from 'zod';
import { parseMatchers, type Matcher } from '../src/domain/matcher.ts';
import { describeWith } from './support/servers/describe-with.ts';
import { findProgram } from './support/servers/server-catalog.ts';

const PROJECT = join(import.meta.dirname, '..');
const FOLDER = join(PROJECT, 'alertmanager-config');
/** Alerts that are there to hold a repair back, not to be answered by one. */
const CAUSES = ['PostgresDown'];

const alertRules = z.object({
  groups: z.array(
    z.object({ rules: z.array(z.looseObject({ alert: z.string(), labels: z.record(z.string(), z.string()).optional() })) }),
  ),
});
const ruleFile = z.object({
  rules: z.array(
    z.looseObject({
      name: z.string(),
      matchers: z.array(z.string()),
      unless_firing: z.array(z.object({ matchers: z.array(z.string()) })).default([]),
    }),
  ),
});

function readYaml(...path: string[]): unknown {
  return load(readFileSync(join(...path), 'utf8'));
}

function alertsIn(file: string): z.infer<typeof alertRules>['groups'][number]['rules'] {
  return alertRules.parse(readYaml(FOLDER, file)).groups.flatMap(({ rules }) => rules);
}

function exampleRules(): z.infer<typeof ruleFile>['rules'] {
  return readdirSync(join(PROJECT, 'rules')).flatMap((file) => ruleFile.parse(readYaml(PROJECT, 'rules', file)).rules);
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

  it.each(['alerts.rules.yml', 'remedyd.rules.yml'])('has rules in %s that Prometheus takes', async (file) => {
    const { code, output } = await check('promtool', 'check', 'rules', join(FOLDER, file));
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('SUCCESS') });
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

describe('the example alerts and the example rules', () => {
  const names = alertsIn('alerts.rules.yml').map(({ alert }) => alert);

  it('have an answer for every alert that is no cause of another', () => {
    const answered = names.filter((name) => exampleRules().some(({ matchers }) => takesName(matchers, name)));
    expect(answered).toEqual(names.filter((name) => !CAUSES.includes(name)));
  });

  it('have an alert for every rule, and for every cause that a rule looks at', () => {
    for (const rule of exampleRules()) {
      expect(names.filter((name) => takesName(rule.matchers, name))).toHaveLength(1);
      for (const { matchers } of rule.unless_firing) expect(CAUSES.filter((name) => takesName(matchers, name))).toHaveLength(1);
    }
    expect(names).toEqual(expect.arrayContaining(CAUSES));
  });

  it('routes nothing about remedyd itself to remedyd, except its heartbeat', () => {
    const own = alertsIn('remedyd.rules.yml').filter(({ alert }) => alert !== 'Watchdog');
    expect(own.map(({ labels }) => labels?.['service'])).toEqual(own.map(() => 'remedyd'));
  });
});
