import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { configJsonSchema } from '../src/config/config-json-schema.ts';
import { remediations } from '../src/remediations/index.ts';
import { rulesJsonSchema, testsJsonSchema } from '../src/rules/json-schemas.ts';
import { coveragePage } from './pages/coverage-page.ts';
import { reasonsPage } from './pages/reasons-page.ts';
import { remediationsPage } from './pages/remediations-page.ts';
import { slackPictures } from './pages/slack-pictures.ts';

/** A file that is made from the code. `path` is relative to the repository. */
export interface GeneratedFile {
  readonly path: string;
  readonly content: string;
}

/** Every file that is made from the code, formatted as the repository is; pictures are as they were drawn. */
export async function generatedFiles(): Promise<readonly GeneratedFile[]> {
  const sources: readonly GeneratedFile[] = [
    { path: 'schemas/rules.json', content: JSON.stringify(rulesJsonSchema()) },
    { path: 'schemas/config.json', content: JSON.stringify(configJsonSchema()) },
    { path: 'schemas/tests.json', content: JSON.stringify(testsJsonSchema()) },
    { path: 'docs/remediations.md', content: remediationsPage([...remediations.values()]) },
    { path: 'docs/reasons.md', content: reasonsPage() },
    { path: 'docs/coverage.md', content: await coveragePage(join(import.meta.dirname, '..')) },
  ];
  const formatted = await Promise.all(
    sources.map(async ({ path, content }) => {
      const filepath = join(import.meta.dirname, '..', path);
      return { path, content: await format(content, { ...(await resolveConfig(filepath)), filepath }) };
    }),
  );
  return [...formatted, ...slackPictures()];
}
