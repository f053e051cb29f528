import type { BundleNews } from '../../domain/notifier.ts';
import type { Incident } from '../../domain/state.ts';
import { context, header, section } from './blocks.ts';
import { fitParts, shortestParts, type Part } from './fit-parts.ts';
import type { Message } from './message.ts';
import { code, instant, join, link, linesWithin, mrkdwn, type Mrkdwn } from './mrkdwn.ts';

const SHOWN = 20;
const GROUPS_SHOWN = 8;
const TEXT_MAX = 3_000;

/** One message for many incidents that began together: how many, of what kind, and the most urgent ones. */
export function bundleMessage({ incidents, startedAt, url }: BundleNews): Message {
  const open = incidents.filter((incident) => incident.status !== 'resolved');
  const title =
    open.length === 0
      ? `All ${incidents.length} incidents are closed`
      : `${open.length} of ${incidents.length} incidents are open; they began together`;
  const note = context([
    url === undefined ? mrkdwn`… shortened: ${code('remedyd incident list')}` : mrkdwn`… shortened: ${link(url, 'all of them')}`,
  ]);
  const summary = [
    mrkdwn`Since ${instant(startedAt)}. By rule: ${counted(incidents, (incident) => incident.rule)}.`,
    mrkdwn`By severity: ${counted(incidents, (incident) => incident.severity)}. By status: ${counted(incidents, stateOf)}.`,
  ];
  const urgent = (open.length === 0 ? incidents : open).slice(0, SHOWN).map(describe);
  const left = (open.length === 0 ? incidents.length : open.length) - urgent.length;
  const more = left > 0 ? [mrkdwn`… and ${left} more`] : [];
  const parts: readonly Part[] = [
    { rank: 0, forms: [[header(title)]] },
    { rank: 0, forms: [[section(summary, 2_500)]] },
    // Two sections: twenty lines with long labels are more than one holds.
    { rank: 1, forms: [[section(urgent.slice(0, 10))], [section(urgent.slice(0, 5))], []] },
    ...(urgent.length > 10 ? [{ rank: 2, forms: [[section([...urgent.slice(10), ...more])], []] }] : []),
    ...(url === undefined ? [] : [{ rank: 3, forms: [[context([link(url, 'All of them')])], []] }]),
  ];
  const text = linesWithin([mrkdwn`*${title}*`, ...summary, ...urgent.slice(0, 3)], TEXT_MAX).text;
  return { text, blocks: fitParts(parts, note), shortest: shortestParts(parts, note) };
}

function describe(incident: Incident): Mrkdwn {
  const labels = Object.entries(incident.groupLabels).slice(0, 3);
  const scope = labels.map(([name, value]) => code(`${name}=${value}`, 60));
  return mrkdwn`• *${incident.severity}* ${incident.rule} ${join(scope, ' ')} ${stateOf(incident)} (${code(incident.id, 80)})`;
}

function stateOf(incident: Incident): string {
  if (incident.status === 'acknowledged') return `taken by ${incident.acknowledgedBy ?? 'somebody'}`;
  if (incident.status === 'resolved') return 'resolved';
  return incident.firing === 0 ? 'quiet, closes soon' : 'taken by nobody';
}

/** The most frequent first. */
function counted(incidents: readonly Incident[], nameOf: (incident: Incident) => string): Mrkdwn {
  const groups = [...Map.groupBy(incidents, nameOf)].toSorted(([, a], [, b]) => b.length - a.length);
  const words = groups.slice(0, GROUPS_SHOWN).map(([name, those]) => mrkdwn`${those.length} ${code(name, 60)}`);
  const others = groups.slice(GROUPS_SHOWN).reduce((sum, [, those]) => sum + those.length, 0);
  return join([...words, ...(others > 0 ? [mrkdwn`${others} others`] : [])], ', ');
}
