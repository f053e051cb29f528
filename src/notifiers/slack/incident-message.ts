import type { IncidentNews } from '../../domain/notifier.ts';
import type { Notification } from '../../domain/state.ts';
import { approvalPart } from './approval-part.ts';
import { actions, context, fields, header, section, type Block } from './blocks.ts';
import { describeRun } from './describe-run.ts';
import { factFields, namedFields } from './fact-fields.ts';
import { fitParts, shortestParts, type Part } from './fit-parts.ts';
import { incidentButtons } from './incident-buttons.ts';
import { incidentLinks, shortenedNote } from './incident-links.ts';
import type { Message } from './message.ts';
import { code, join, linesWithin, mrkdwn, shortened, type Mrkdwn } from './mrkdwn.ts';
import { byUrgency, runPart } from './run-part.ts';
import { statusLines } from './status-lines.ts';
import { statusWords } from './status-words.ts';

/** From what is never left out to what goes first. Between them approvals and runs go by their urgency. */
const RANKS = {
  core: 0,
  approvals: 10,
  next: 200,
  facts: 210,
  runs: 220,
  links: 1_000,
  fields: 1_010,
  labels: 1_020,
  text: 1_030,
};
const RUNS_SHOWN = 12;
const FIELDS_PER_BLOCK = 10;
const TEXT_MAX = 3_000;
const LABELS_IN_TITLE = 4;

/** The message of an incident in one place: where it stands, what the automation did, does and will do, and what a person can do. */
export function incidentMessage(news: IncidentNews, purpose: Notification['purpose']): Message {
  const { incident } = news.detail;
  const note = context([shortenedNote(incident.id, news.url)]);
  const parts = partsOf(news, purpose);
  return { text: fallbackText(news, purpose), blocks: fitParts(parts, note), shortest: shortestParts(parts, note) };
}

function partsOf(news: IncidentNews, purpose: Notification['purpose']): readonly Part[] {
  const { incident } = news.detail;
  const controls: Block = { ...actions(incidentButtons(incident)), block_id: incident.id };
  return [
    always(header(titleOf(news))),
    ...labelParts(news),
    always(section(statusLines(news, purpose), 2_000)),
    ...approvalParts(news),
    optional(RANKS.facts, [fields(factFields(news))]),
    ...describedBy(news),
    ...fieldParts(news),
    ...runParts(news),
    ...nextParts(news),
    optional(RANKS.links, [context([incidentLinks(news)])]),
    always(controls),
  ];
}

function titleOf({ detail: { incident }, phase }: IncidentNews): string {
  return `${incident.severity} · ${incident.rule} · ${statusWords(incident, phase)}`;
}

function always(block: Block): Part {
  return { rank: RANKS.core, forms: [[block]] };
}

function optional(rank: number, ...forms: readonly (readonly Block[])[]): Part {
  return { rank, forms: [...forms, []] };
}

function describedBy({ description }: IncidentNews): readonly Part[] {
  if (description.trim() === '') return [];
  return [optional(RANKS.text, [section([shortened(description, 1_500)])], [section([shortened(description, 300)])])];
}

function approvalParts({ detail }: IncidentNews): readonly Part[] {
  if (detail.incident.status === 'resolved') return [];
  const open = detail.approvals.filter((approval) => approval.state === 'open').toSorted((a, b) => a.askedAt - b.askedAt);
  return open.map((approval, index) => {
    const target = detail.runs.find((run) => run.id === approval.runId)?.target ?? detail.incident.rule;
    return approvalPart(approval, target, RANKS.approvals + Math.min(index, 100), index === 0);
  });
}

function runParts({ detail }: IncidentNews): readonly Part[] {
  const runs = byUrgency(detail);
  const shown = runs.slice(0, RUNS_SHOWN).map((run, index) => runPart(detail, run, RANKS.runs + index));
  const rest = runs.slice(RUNS_SHOWN);
  if (rest.length === 0) return shown;
  const counts = Map.groupBy(rest, (run) => run.outcome ?? run.state);
  const words = [...counts].map(([state, those]) => mrkdwn`${those.length} ${state}`);
  return [
    ...shown,
    optional(RANKS.runs, [
      context([mrkdwn`and ${rest.length} further ${rest.length === 1 ? 'run' : 'runs'}: ${join(words, ', ')}`]),
    ]),
  ];
}

function nextParts({ next }: IncidentNews): readonly Part[] {
  if (next.length === 0) return [];
  const lines = next.map((line) => mrkdwn`• ${shortened(line, 300)}`);
  const few = lines.slice(0, 5);
  const more =
    lines.length > few.length
      ? [mrkdwn`• … and for ${lines.length - few.length} further ${lines.length - few.length === 1 ? 'target' : 'targets'}`]
      : [];
  const form = (texts: readonly Mrkdwn[]): readonly Block[] => [section([mrkdwn`*Next*`, ...texts], 2_500)];
  return [optional(RANKS.next, form([...few, ...more]), form(few.slice(0, 1)))];
}

function fieldParts({ fields: lines }: IncidentNews): readonly Part[] {
  if (lines.length === 0) return [];
  const form = (max: number, count: number): readonly Block[] => {
    const texts = namedFields(lines.slice(0, count), max);
    return Array.from({ length: Math.ceil(texts.length / FIELDS_PER_BLOCK) }, (_, index) =>
      fields(texts.slice(index * FIELDS_PER_BLOCK, (index + 1) * FIELDS_PER_BLOCK)),
    );
  };
  return [optional(RANKS.fields, form(600, 2 * FIELDS_PER_BLOCK), form(100, FIELDS_PER_BLOCK))];
}

/** Which one of its kind it is. */
function labelParts(news: IncidentNews): readonly Part[] {
  const labels = labelsOf(news, 150);
  if (labels.length === 0) return [];
  return [optional(RANKS.labels, [context([join(labels.slice(0, 15), ' ')])], [context([join(labels.slice(0, 4), ' ')])])];
}

function labelsOf({ detail: { incident } }: IncidentNews, max: number): readonly Mrkdwn[] {
  return Object.entries(incident.groupLabels).map(([name, value]) => code(`${name}=${value}`, max));
}

/** One line and what is most urgent, for notifications and screen readers: they show no blocks. */
function fallbackText(news: IncidentNews, purpose: Notification['purpose']): Mrkdwn {
  const { detail } = news;
  const [run] = byUrgency(detail);
  const steps = detail.steps.filter((step) => step.runId === run?.id);
  const lines = [
    mrkdwn`*${titleOf(news)}* ${join(labelsOf(news, 60).slice(0, LABELS_IN_TITLE), ' ')}`,
    ...statusLines(news, purpose),
    ...(run === undefined ? [] : [mrkdwn`${code(run.target)}: ${describeRun(run, steps)}`]),
  ];
  return linesWithin(lines, TEXT_MAX).text;
}
