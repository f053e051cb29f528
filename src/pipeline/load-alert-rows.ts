import type { Episode, Incident, Line, Member, Run } from '../domain/state.ts';
import type { IncidentTarget, StoreTransaction } from '../domain/store.ts';
import type { CorrelatedAlert, PipelineEvent } from './event.ts';

/** The rows that alerts, and looks at them, may change. */
export interface AlertRows {
  readonly episodes: readonly Episode[];
  readonly members: readonly Member[];
  readonly incidents: readonly Incident[];
  readonly lines: readonly Line[];
  readonly runs: readonly Run[];
}

const NONE: AlertRows = { episodes: [], members: [], incidents: [], lines: [], runs: [] };

/** Loads what the events say of alerts. A repeat that says nothing new needs its episode only. */
export async function loadAlertRows(
  tx: StoreTransaction,
  events: readonly PipelineEvent[],
  rulesDigest: string,
): Promise<AlertRows> {
  const keys = alertKeysOf(events);
  if (keys.length === 0) return NONE;
  // Repeats rarely come here, so most firing alerts are new: their incidents are asked for in the same round trip.
  const groupKeys = groupKeysOf(events);
  const [episodes, latest] = await Promise.all([
    tx.currentEpisodes(keys),
    groupKeys.length === 0 ? [] : tx.latestIncidents(groupKeys),
  ]);
  const byKey = new Map(episodes.map((episode) => [episode.alertKey, episode]));
  const joining = alertsThatJoin(events, byKey, rulesDigest);
  const changing = episodesThatChange(events, byKey, rulesDigest);
  if (joining.length === 0 && changing.length === 0) return { ...NONE, episodes };

  const members = changing.length === 0 ? [] : await tx.members(changing.map((episode) => episode.id));
  const known = new Set(latest.map((incident) => incident.id));
  const missing = [...new Set(members.map((member) => member.incidentId))].filter((id) => !known.has(id));
  const places = placesOf(members, latest, joining, byKey);
  const [more, lines] = await Promise.all([
    missing.length === 0 ? [] : tx.incidents(missing),
    places.length === 0 ? [] : tx.linesAt(places),
  ]);
  const runIds = lines.flatMap((line) => (line.runId === null ? [] : [line.runId]));
  const runs = runIds.length === 0 ? [] : await tx.runs(runIds);
  return { episodes, members, incidents: [...latest, ...more], lines, runs };
}

function alertKeysOf(events: readonly PipelineEvent[]): readonly string[] {
  const keys = new Set<string>();
  for (const event of events) {
    if ('alerts' in event) for (const alert of event.alerts) keys.add(alert.alertKey);
    else if (event.kind === 'reconciled') for (const look of event.looks) keys.add(look.alertKey);
    else if (event.kind === 'stale') for (const key of event.alertKeys) keys.add(key);
  }
  return [...keys];
}

function groupKeysOf(events: readonly PipelineEvent[]): readonly string[] {
  const keys = new Set<string>();
  for (const event of events) {
    if (!('alerts' in event)) continue;
    for (const alert of event.alerts) {
      if (alert.message.status === 'firing') for (const match of alert.matches) keys.add(match.groupKey);
    }
  }
  return [...keys];
}

/** Firing alerts whose rules have to be asked: those of new episodes, and all after a reload. */
function alertsThatJoin(
  events: readonly PipelineEvent[],
  byKey: ReadonlyMap<string, Episode>,
  rulesDigest: string,
): readonly CorrelatedAlert[] {
  return events.flatMap((event) => {
    if (!('alerts' in event)) return [];
    return event.alerts.filter((alert) => alert.message.status === 'firing' && !isKnown(byKey.get(alert.alertKey), rulesDigest));
  });
}

function isKnown(episode: Episode | undefined, rulesDigest: string): boolean {
  return episode?.status === 'firing' && episode.rulesDigest === rulesDigest;
}

/** Episodes that may end, begin again or join, and those of messages that leave alerts out. */
function episodesThatChange(
  events: readonly PipelineEvent[],
  byKey: ReadonlyMap<string, Episode>,
  rulesDigest: string,
): readonly Episode[] {
  const changing = new Set<Episode>();
  const add = (key: string): void => {
    const episode = byKey.get(key);
    if (episode !== undefined) changing.add(episode);
  };
  for (const event of events) {
    if (event.kind === 'reconciled') for (const look of event.looks) add(look.alertKey);
    else if (event.kind === 'stale') for (const key of event.alertKeys) add(key);
    else if ('alerts' in event) {
      for (const { alertKey, message } of event.alerts) {
        const isRepeat = message.status === 'firing' && isKnown(byKey.get(alertKey), rulesDigest);
        // Whoever reports is told which incident it is, also the second time.
        if (!isRepeat || event.batch.truncatedAlerts > 0 || event.kind === 'report') add(alertKey);
      }
    }
  }
  return [...changing];
}

/** The lines that may change: of each member, and of each target that an alert names in an incident it may join. */
function placesOf(
  members: readonly Member[],
  latest: readonly Incident[],
  joining: readonly CorrelatedAlert[],
  byKey: ReadonlyMap<string, Episode>,
): readonly IncidentTarget[] {
  const places = new Map<string, IncidentTarget>();
  const add = (incidentId: string, target: string): void => void places.set(`${incidentId}\n${target}`, { incidentId, target });
  for (const { incidentId, target } of members) if (target !== null) add(incidentId, target);

  const byGroup = new Map(latest.map((incident) => [incident.groupKey, incident]));
  const byEpisode = Map.groupBy(members, (member) => member.episodeId);
  for (const alert of joining) {
    const own = byEpisode.get(byKey.get(alert.alertKey)?.id ?? '') ?? [];
    for (const { target, groupKey } of alert.matches) {
      if (target === undefined || !('value' in target)) continue;
      const incident = byGroup.get(groupKey);
      if (incident !== undefined) {
        add(incident.id, target.value);
        // A fix in the incident before it that did not last is marked.
        if (incident.previousId !== null) add(incident.previousId, target.value);
      }
      for (const member of own) add(member.incidentId, target.value);
    }
  }
  return [...places.values()];
}
