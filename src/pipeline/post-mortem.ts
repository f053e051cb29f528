import type { IncidentNews } from '../domain/notifier.ts';
import { readableDuration } from '../domain/readable-duration.ts';
import type { Incident, Run, StepRecord, StoredTimelineEntry } from '../domain/state.ts';

/** How much of one output is evidence; the whole of it is in the incident. */
const MAX_OUTPUT = 2_000;
const MAX_ALERTS = 50;
const MAX_TIMELINE = 1_000;

/**
 * The draft of an incident's post-mortem in Markdown: what is known is filled in, what only people know is asked for.
 * Text from outside (labels, outputs, notes) cannot become Markdown of its own.
 */
export function postMortem(news: Omit<IncidentNews, 'postMortem'>): string {
  const { detail } = news;
  const { incident, runs, steps, timeline } = detail;
  return [
    `# Post-mortem: ${plain(incident.rule)}`,
    '',
    '> A draft, made from what remedyd recorded. What is marked *to fill in* only people know.',
    '',
    ...facts(news),
    '',
    '## Summary',
    '',
    summaryOf(news),
    '',
    '*To fill in: who was affected, and how.*',
    '',
    '## Alerts',
    '',
    ...alerts(news),
    '',
    '## What was tried, and whether it helped',
    '',
    ...(runs.length === 0 ? ['No automation ran.'] : runs.flatMap((run) => describeRun(run, stepsOf(steps, run)))),
    '',
    '## Timeline (UTC)',
    '',
    '| time | what | who |',
    '| --- | --- | --- |',
    ...timeline.slice(0, MAX_TIMELINE).map(timelineRow),
    ...(timeline.length > MAX_TIMELINE ? [`| … | ${timeline.length - MAX_TIMELINE} more entries | |`] : []),
    '',
    '## Root cause',
    '',
    '*To fill in.*',
    '',
    '## What went well, what did not',
    '',
    '*To fill in.*',
    '',
    '## What will be done',
    '',
    '| what | who | until |',
    '| --- | --- | --- |',
    ...proposals(news).map((what) => `| ${what} | *to fill in* | *to fill in* |`),
    '',
  ].join('\n');
}

function facts({
  detail: { incident },
  description,
  runbookUrl,
  url,
  fields,
}: Omit<IncidentNews, 'postMortem'>): readonly string[] {
  const rows: [string, string][] = [
    ['incident', code(incident.id)],
    ['rule', description === '' ? code(incident.rule) : `${code(incident.rule)}: ${plain(description)}`],
    ['severity', plain(incident.severity)],
    ['group', labelText(incident.groupLabels)],
    ['started', instant(incident.startedAt)],
    ['acknowledged', acknowledgedText(incident)],
    ['over', overText(incident)],
    ['escalated', incident.escalationLevel === 0 ? 'no' : `${incident.escalationLevel} times`],
    ...fields.map(({ name, value }): [string, string] => [plain(name), plain(value)]),
    ...(runbookUrl === undefined ? [] : [['runbook', `<${runbookUrl}>`] satisfies [string, string]]),
    ...(url === undefined ? [] : [['record', `<${url}>`] satisfies [string, string]]),
  ];
  return ['| | |', '| --- | --- |', ...rows.map(([name, value]) => `| ${name} | ${value} |`)];
}

function acknowledgedText({ acknowledgedAt, acknowledgedBy, startedAt }: Incident): string {
  if (acknowledgedAt === null) return 'by nobody';
  return `${instant(acknowledgedAt)} by ${plain(acknowledgedBy ?? 'somebody')}, after ${readableDuration(acknowledgedAt - startedAt)}`;
}

function overText({ status, resolvedAt, closedAs, startedAt }: Incident): string {
  if (status !== 'resolved' || resolvedAt === null) return 'not yet';
  const how =
    closedAs === 'dismissed'
      ? 'a person resolved it while its alerts fired'
      : closedAs === 'stale'
        ? 'nothing more was heard of it'
        : 'every alert resolved';
  return `${instant(resolvedAt)}, after ${readableDuration(resolvedAt - startedAt)}: ${how}`;
}

function summaryOf({ detail: { incident, runs } }: Omit<IncidentNews, 'postMortem'>): string {
  const acting = runs.filter((run) => run.actingAt !== null);
  const helped = acting.filter((run) => run.outcome === 'verified');
  const automation =
    acting.length === 0
      ? 'the automation changed nothing'
      : helped.length === 0
        ? `the automation acted ${times(acting.length)}, and nothing shows that it helped`
        : `the automation acted ${times(acting.length)}; ${helped.length === acting.length ? 'each time' : times(helped.length)} it was verified that it helped`;
  const recurred = helped.some((run) => run.recurred) ? ' A verified fix did not last.' : '';
  const person = incident.acknowledgedBy === null ? 'Nobody acknowledged it' : `Taken by ${plain(incident.acknowledgedBy)}`;
  return `${person}; ${automation}.${recurred}`;
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

function alerts({ detail }: Omit<IncidentNews, 'postMortem'>): readonly string[] {
  const shown = detail.alerts.slice(0, MAX_ALERTS).map(({ content, episode }) => {
    const end = episode.endsAt === null ? 'still firing' : `until ${instant(episode.endsAt)}`;
    return `- ${labelText(content.labels)}: from ${instant(episode.startsAt)}, ${end}`;
  });
  const { truncatedAlerts } = detail.incident;
  return [
    ...shown,
    ...(detail.alerts.length > MAX_ALERTS ? [`- and ${detail.alerts.length - MAX_ALERTS} more`] : []),
    ...(truncatedAlerts > 0 ? [`- and ${truncatedAlerts} that Alertmanager left out: nobody here has seen them`] : []),
  ];
}

function describeRun(run: Run, steps: readonly StepRecord[]): readonly string[] {
  const end = run.endedAt === null ? run.state : (run.outcome ?? run.state);
  const why = run.reason === null ? '' : ` (${run.reason})`;
  const evidence =
    run.outcome === 'verified' ? `; evidence: ${run.evidence === 'checks' ? 'its checks' : 'the alert alone'}` : '';
  return [
    `### ${code(run.target)}: ${end}${why}${evidence}`,
    '',
    ...(run.startedAt === null
      ? ['It did not start.', '']
      : [`${instant(run.startedAt)}, attempt ${run.attempt}, trigger ${run.trigger}.`, '']),
    ...steps.flatMap(describeStep),
    '',
  ];
}

function describeStep(step: StepRecord): readonly string[] {
  const what = step.plan === null || step.effect === 'read' ? '' : `: ${plain(step.plan.summary)}`;
  const error = step.error === null ? '' : ` — ${step.error.code}: ${plain(step.error.message)}`;
  const lines = [`- **${step.state}** ${code(step.id)} (${code(step.uses)})${what}${error}`];
  if (step.output === null || Object.keys(step.output).length === 0) return lines;
  return [...lines, '', indent(JSON.stringify(step.output, null, 2)), ''];
}

function timelineRow({ at, text, actor }: StoredTimelineEntry): string {
  return `| ${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} | ${plain(text)} | ${actor === null ? '' : plain(actor)} |`;
}

/** What the record itself asks for. */
function proposals({ detail: { incident, runs } }: Omit<IncidentNews, 'postMortem'>): readonly string[] {
  const unhelpful = runs.some((run) => run.outcome === 'ineffective' || run.outcome === 'failed');
  return [
    ...(unhelpful ? [`look at what ${code(incident.rule)} tries: it did not fix this`] : []),
    ...(runs.some((run) => run.recurred) ? ['find the cause: the fix did not last'] : []),
    ...(runs.some((run) => run.outcome === 'inconclusive')
      ? [`give ${code(incident.rule)} a check that can tell whether it helped`]
      : []),
    ...(incident.responseMissed ? ['look at who is called: nobody acknowledged in time'] : []),
    '*to fill in*',
  ];
}

function stepsOf(steps: readonly StepRecord[], run: Run): readonly StepRecord[] {
  return steps.filter((step) => step.runId === run.id && !step.address.endsWith(':playbook'));
}

function instant(at: number): string {
  return new Date(at).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const entries = Object.entries(labels);
  return entries.length === 0 ? '–' : code(entries.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(', '));
}

/** Text within a line that means nothing to Markdown or HTML. */
function plain(text: string): string {
  return oneLine(text).replace(/[\\`*_[\]|<>~&]/g, (mark) => `\\${mark}`);
}

/** A code span that its content cannot leave, also not inside of a table. */
function code(text: string): string {
  const line = oneLine(text).replaceAll('|', '¦');
  const fence = '`'.repeat(1 + Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length)));
  return `${fence}${line.startsWith('`') || line.endsWith('`') ? ` ${line} ` : line}${fence}`;
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, ' ').trim();
}

/** An indented block has no end that its content could write. */
function indent(text: string): string {
  const shown = text.length > MAX_OUTPUT ? `${text.slice(0, MAX_OUTPUT)}\n… (${text.length} characters)` : text;
  return shown
    .split('\n')
    .map((line) => `      ${line.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, ' ')}`)
    .join('\n');
}
