import { copyLabels, type AlertBatch, type Labels } from '../domain/alert.ts';
import { REPORTED_NAME, REPORTED_SOURCE } from '../domain/reported-alert.ts';
import type { RuleSet } from '../domain/rule.ts';
import type { Episode } from '../domain/state.ts';
import { correlate } from './correlate.ts';
import type { DecisionContext } from './decision-context.ts';
import type { Actor, CommandAnswer, PipelineEvent } from './event.ts';
import { endEpisode } from './incident.ts';
import { identifyAlerts, LazyAlert } from './match-alerts.ts';
import type { World } from './world.ts';

type ReportEvent = Extract<PipelineEvent, { kind: 'report' }>;

/** What a person saw. */
export interface Report {
  readonly labels: Labels;
  readonly summary: string;
  readonly actor: Actor;
}

/** A person's report as the pipeline takes it: an alert named `Reported` with these labels. */
export function reportEvent({ labels: given, summary, actor }: Report, rules: RuleSet, now: number): ReportEvent {
  const labels = copyLabels(Object.assign(Object.create(null) as Record<string, string>, given, { alertname: REPORTED_NAME }));
  const batch: AlertBatch = {
    source: REPORTED_SOURCE,
    receivedAt: now,
    groupLabels: labels,
    truncatedAlerts: 0,
    alerts: [
      {
        status: 'firing',
        labels,
        annotations: copyLabels({ summary, reported_by: actor.person }),
        startsAt: now,
        generatorUrl: '',
        fingerprint: '',
      },
    ],
    quarantined: [],
    externalUrl: '',
  };
  return { kind: 'report', batch, alerts: identifyAlerts(batch).map((alert) => new LazyAlert(alert, batch, rules, now)), actor };
}

/** Takes a report in like any alert. The same report again, while the first one is open, is the same incident. */
export function takeReport(world: World, event: ReportEvent, context: DecisionContext): CommandAnswer {
  for (const { alertKey, message } of event.alerts) {
    const current = world.currentEpisode(alertKey);
    // No Alertmanager says when it is over: that its incidents are resolved does.
    if (current?.status === 'firing' && isOver(world, current))
      endEpisode(world, current, message.startsAt - 1, 'dismissed', context);
  }
  correlate(world, event, context);
  const incidents = event.alerts.flatMap(({ alertKey }) => {
    const episode = world.currentEpisode(alertKey);
    return episode === undefined ? [] : world.membersOf(episode.id).map(({ incidentId }) => incidentId);
  });
  const text =
    incidents.length === 0
      ? `no rule matches alertname="${REPORTED_NAME}" with these labels`
      : `reported as ${incidents.join(', ')}`;
  return { ok: true, text, data: { incidents } };
}

function isOver(world: World, episode: Episode): boolean {
  return world.membersOf(episode.id).every(({ incidentId }) => world.incident(incidentId)?.status === 'resolved');
}
