import { UNSUCCESSFUL } from '../domain/reason.ts';
import { readableDuration } from '../domain/readable-duration.ts';
import type { Report, RuleReport } from './report.ts';
import type { Effect, TargetReport, Took } from './report-tally.ts';

/** The report for people, as Markdown. */
export function reportMarkdown(report: Report): string {
  const { total, rules, targets } = report;
  const promises = rules.filter(({ objectives }) => objectives.rto !== null || objectives.rpo !== null);
  const blocked = rules.filter((rule) => countOf(rule.held) + countOf(rule.suppressed) > 0);
  const sections = [
    `# What automation did, ${report.since} to ${report.until}`,
    summaryLines(total)
      .map((line) => `- ${line}`)
      .join('\n'),
    section('Needs a real fix', targets.filter(({ needs_a_fix: needs }) => needs).map(repairLine)),
    section('Rules', [
      ...table(
        [
          'Rule',
          'Incidents',
          'Acted',
          'Verified',
          'Did not help',
          'Came back',
          'Effective',
          'Fixed by fallback',
          'Pages avoided',
        ],
        rules.map((rule) => [
          rule.rule,
          rule.incidents,
          rule.acted,
          verifiedOf(rule),
          failuresOf(rule),
          rule.recurred,
          percent(rule.effectiveness),
          countOf(rule.fixed_by.slice(1)),
          rule.pages_avoided,
        ]),
      ),
    ]),
    section('Held back', [
      ...table(
        ['Rule', 'Held', 'Ended by a gate'],
        blocked.map((rule) => [rule.rule, reasons(rule.held), reasons(rule.suppressed)]),
      ),
    ]),
    section('Targets', [
      ...table(
        ['Target', 'Acted', 'Verified', 'Came back', 'By', 'Last'],
        targets.map((target) => [
          target.target,
          target.acted,
          target.verified,
          target.recurred,
          target.rules.join(', '),
          target.last_acted_at,
        ]),
      ),
    ]),
    section('Objectives', [...table(['Rule', 'Objective', 'Promised', 'Was', 'Held'], promises.flatMap(objectiveRows))]),
  ];
  return `${sections.filter((text) => text !== '').join('\n\n')}\n`;
}

/** The report as a message: what matters, at most a dozen lines, without markup. */
export function reportMessage(report: Report): string {
  const broken = report.rules.flatMap(({ rule, objectives: { rto, rpo } }) => [
    ...(rto?.held === false ? [`${rule}: ${count(rto.missed, 'incident')} took longer than ${span(rto.seconds)}`] : []),
    ...(rpo?.held === false
      ? [
          `${rule}: ${rpo.last_success_at === null ? 'never succeeded' : `${span(rpo.longest_gap_seconds)} without success`}, promised is ${span(rpo.seconds)}`,
        ]
      : []),
  ]);
  const failing = report.rules
    .filter((rule) => failuresOf(rule) > 0)
    .map((rule) => `${rule.rule}: ${failuresOf(rule)} of ${count(rule.runs, 'run')} did not help`);
  const repairs = report.targets.filter(({ needs_a_fix: needs }) => needs).map(repairLine);
  return [
    `What automation did, ${report.since} to ${report.until}`,
    ...summaryLines(report.total),
    ...firstOf('Needs a real fix', repairs),
    ...firstOf('Did not help', failing),
    ...firstOf('Objectives missed', broken),
  ].join('\n');
}

const MOST_LINES = 3;

function firstOf(title: string, lines: readonly string[]): readonly string[] {
  if (lines.length === 0) return [];
  const rest = lines.length - MOST_LINES;
  return [`${title}: ${lines.slice(0, MOST_LINES).join('; ')}${rest > 0 ? `; and ${rest} more` : ''}`];
}

function summaryLines(total: Effect): readonly string[] {
  const { automated, by_people: byPeople } = total.time_to_resolve;
  const changed = total.acted === 0 ? 'none changed anything' : `${total.acted} changed something`;
  const [verified, failures] = [verifiedOf(total), failuresOf(total)];
  const became = `; ${verified} verified, ${failures} did not help, ${total.recurred} came back`;
  return [
    `${count(total.incidents, 'incident')}, ${total.paged} paged, ${count(total.pages_avoided, 'page')} avoided`,
    `${count(total.runs, 'run')}, ${changed}${verified + failures === 0 ? '' : became}`,
    ...(countOf(total.held) + countOf(total.suppressed) === 0
      ? []
      : [`held back: ${[reasons(total.held), reasons(total.suppressed)].filter((text) => text !== '–').join('; ended by ')}`]),
    `time to acknowledge: ${tookText(total.time_to_acknowledge)}`,
    `time to resolve: with a verified repair ${tookText(automated)}; without ${tookText(byPeople)}`,
  ];
}

function objectiveRows({ rule, objectives: { rto, rpo } }: RuleReport): readonly (readonly (string | number)[])[] {
  return [
    ...(rto === null ? [] : [[rule, 'recovery time', span(rto.seconds), `${rto.missed} took longer`, yesNo(rto.held)]]),
    ...(rpo === null
      ? []
      : [
          [
            rule,
            'recovery point',
            span(rpo.seconds),
            rpo.last_success_at === null
              ? 'no success is known'
              : `longest gap ${span(rpo.longest_gap_seconds)}, last success ${rpo.last_success_at}`,
            yesNo(rpo.held),
          ],
        ]),
  ];
}

function repairLine({ target, acted, recurred, rules }: TargetReport): string {
  return `${target}: repaired ${acted} times by ${rules.join(', ')}${recurred === 0 ? '' : `, ${recurred} came back`}`;
}

/** Whether they had changed something or not, as with those that did not help. */
function verifiedOf({ outcomes }: Effect): number {
  return outcomes['verified'] ?? 0;
}

function failuresOf({ outcomes }: Effect): number {
  return UNSUCCESSFUL.reduce((sum, outcome) => sum + (outcomes[outcome] ?? 0), 0);
}

function countOf(counts: Readonly<Record<string, number>> | readonly number[]): number {
  return Object.values(counts).reduce((sum, each) => sum + each, 0);
}

function reasons(counts: Readonly<Record<string, number>>): string {
  const texts = Object.entries(counts).map(([reason, times]) => `${reason} ${times}`);
  return texts.length === 0 ? '–' : texts.join(', ');
}

function tookText(took: Took | null): string {
  if (took === null) return 'none';
  return `${span(took.median_seconds)} (median of ${took.count}; mean ${span(took.mean_seconds)}, longest ${span(took.longest_seconds)})`;
}

function span(seconds: number): string {
  return readableDuration(seconds * 1_000);
}

function percent(ratio: number | null): string {
  return ratio === null ? '–' : `${Math.round(ratio * 100)} %`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

function yesNo(held: boolean): string {
  return held ? 'yes' : 'NO';
}

function section(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return '';
  const isTable = lines[0]?.startsWith('|') === true;
  return `## ${title}\n\n${lines.map((line) => (isTable ? line : `- ${line}`)).join('\n')}`;
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): readonly string[] {
  if (rows.length === 0) return [];
  const line = (cells: readonly (string | number)[]): string =>
    `| ${cells.map((cell) => String(cell).replaceAll(/\s+/g, ' ').replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}
