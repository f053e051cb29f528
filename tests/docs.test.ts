import { existsSync, globSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { generatedFiles } from '../scripts/generated-files.ts';
import { buildProgram } from '../src/cli/program.ts';
import { loadConfig } from '../src/config/load-config.ts';
import type { Settings } from '../src/domain/settings.ts';
import { parseAlertmanagerPayload } from '../src/handlers/alertmanager-payload.ts';
import { remediations } from '../src/remediations/index.ts';
import { loadRules } from '../src/rules/load-rules.ts';
import { createRuleSettings } from '../src/rules/rule-settings.ts';
import { formatProblem } from '../src/schema/problem.ts';
import { parseYaml } from '../src/schema/yaml-file.ts';
import { faultOfCommand } from './support/documented-command.ts';
import { anchorsOf, codeBlocksOf, codeSpansOf, linksOf } from './support/markdown.ts';
import { createTemporaryDirectory } from './support/servers/temporary-directory.ts';

const ROOT = join(import.meta.dirname, '..');

interface Named {
  readonly name: string;
  readonly text: string;
}

const PAGES: readonly Named[] = ['README.md', 'CHANGELOG.md', ...globSync('docs/*.md', { cwd: ROOT })].map((name) => {
  return { name, text: readFileSync(join(ROOT, name), 'utf8') };
});
const EXAMPLE: Named = { name: 'remedyd.yml', text: readFileSync(join(ROOT, 'remedyd.example.yml'), 'utf8') };

/** Files that a page shows: YAML blocks, which say their name in the first line, and here-documents of its shell lines. */
function filesOf({ text }: Named): readonly Named[] {
  return codeBlocksOf(text).flatMap((block) => {
    if (block.language === 'sh') {
      return [...block.text.matchAll(/^cat > (\S+) <<'EOF'\n(.*?)^EOF$/gms)].map(([, name = '', content = '']) => ({
        name,
        text: content,
      }));
    }
    if (block.language !== 'yaml') return [];
    const name = /^# (\S+)\n/.exec(block.text)?.[1];
    if (name === undefined) throw new Error(`a YAML block does not begin with the name of its file: ${block.text}`);
    return [{ name, text: block.text }];
  });
}

const isConfig = ({ name }: Named): boolean => name.endsWith('remedyd.yml');
const isRuleFile = ({ name }: Named): boolean => name.includes('rules/');

/** What vendors' tokens look like, where the configuration looks at it. */
function valueOf(name: string): string {
  const value = `${name}-0123456789abcdef`;
  if (name.endsWith('SLACK_BOT_TOKEN')) return `xoxb-${value}`;
  if (name.endsWith('SLACK_APP_TOKEN')) return `xapp-${value}`;
  return name.endsWith('ROUTING_KEY')
    ? value
        .replaceAll(/[^A-Za-z0-9]/g, '')
        .padEnd(32, '0')
        .slice(-32)
    : value;
}

/** Every variable that a text names, with a value of its own. */
function environmentFor(text: string): Readonly<Record<string, string>> {
  const names = [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => name);
  return Object.fromEntries(names.map((name) => [name, valueOf(name)]));
}

async function loadSettings({ text }: Named): Promise<Settings> {
  const directory = createTemporaryDirectory('docs');
  try {
    const file = join(directory.path, 'remedyd.yml');
    await writeFile(file, text);
    const { settings, problems } = await loadConfig({
      file,
      environment: environmentFor(text),
      workingDirectory: directory.path,
    });
    expect(problems.map(formatProblem)).toEqual([]);
    if (settings === undefined) throw new Error('a configuration without problems has settings');
    return settings;
  } finally {
    directory.remove();
  }
}

test('generated files are up to date', async () => {
  const stale = (await generatedFiles()).filter(({ path, content }) => {
    return !existsSync(join(ROOT, path)) || readFileSync(join(ROOT, path), 'utf8') !== content;
  });
  expect(stale.map(({ path }) => path)).toEqual([]);
});

test('every configuration loads', async () => {
  const configs = [EXAMPLE, ...PAGES.flatMap(filesOf).filter(isConfig)];
  expect(configs.length).toBeGreaterThan(2);
  for (const config of configs) await loadSettings(config);
});

describe.each(PAGES)('$name', (page) => {
  test('its rule files load', async () => {
    const files = filesOf(page);
    const settings = await loadSettings(files.find(isConfig) ?? EXAMPLE);
    const sources = files.filter(isRuleFile).map(({ name, text }) => parseYaml(name, text));
    const { problems } = loadRules(sources, createRuleSettings(settings, remediations));
    expect(problems.map(formatProblem)).toEqual([]);
  });

  test('its webhooks are accepted whole', () => {
    for (const { text } of filesOf(page).filter(({ name }) => name.endsWith('alert.json'))) {
      const batch = parseAlertmanagerPayload(Buffer.from(text), { source: 'docs', receivedAt: 0 });
      expect(batch.alerts.length).toBeGreaterThan(0);
      expect(batch.quarantined).toEqual([]);
    }
  });

  test('its links lead somewhere', () => {
    const broken = linksOf(page.text).filter((link) => {
      if (/^https?:/.test(link)) return false;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page.name : normalize(join(dirname(page.name), path));
      if (!existsSync(join(ROOT, target))) return true;
      return anchor !== undefined && !anchorsOf(readFileSync(join(ROOT, target), 'utf8')).has(anchor);
    });
    expect(broken).toEqual([]);
  });

  test('its commands exist, with their options', () => {
    const program = buildProgram({ env: {}, workingDirectory: ROOT, print: () => undefined }, () => undefined);
    const spans = codeSpansOf(page.text).map((line) => ({ line, complete: false }));
    const lines = codeBlocksOf(page.text).flatMap(({ text }) => text.split('\n').map((line) => ({ line, complete: true })));
    const faults = [...spans, ...lines].flatMap(({ line, complete }) => {
      const command = /^(?:\$ |npx )*(remedyd .*)$/.exec(line)?.[1];
      const fault = command === undefined ? undefined : faultOfCommand(program, command, { complete });
      return fault === undefined ? [] : [`${line}: ${fault}`];
    });
    expect(faults).toEqual([]);
  });
});
