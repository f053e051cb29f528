import { OUTCOMES, REASONS } from '../../src/domain/reason.ts';
import { STEP_ERROR_CODES } from '../../src/domain/remediation.ts';
import { markdownTable } from './markdown-table.ts';
import { OUTCOME_MEANINGS, REASON_MEANINGS, STEP_ERROR_MEANINGS, type Meaning } from './reason-meanings.ts';

/** Outcomes, reasons and step errors as a page. */
export function reasonsPage(): string {
  return [
    '# Outcomes, reasons and step errors',
    '<!-- Made from the code by `npm run generate`. -->',
    'Closed lists: the same words stand in the timeline, the API, the log and the labels of the metrics.',
    '## Outcomes of a run',
    table('Outcome', OUTCOMES, OUTCOME_MEANINGS),
    '## Reasons',
    'Why a run is held, did not act or failed, and why an incident was escalated. The first ones are the [gates](how-it-decides.md#gates), in their order. A run that failed has the code of its [step error](#step-errors) as its reason.',
    table('Reason', REASONS, REASON_MEANINGS),
    '## Step errors',
    table('Code', STEP_ERROR_CODES, STEP_ERROR_MEANINGS),
  ].join('\n\n');
}

function table<W extends string>(title: string, words: readonly W[], meanings: Readonly<Record<W, Meaning>>): string {
  return markdownTable(
    [title, 'Meaning', 'What a person can do'],
    words.map((word) => [`\`${word}\``, meanings[word].means, meanings[word].todo]),
  );
}
