import type { Rule } from '../domain/rule.ts';
import type { Episode, Incident, Line, Member, Run, RunBrief } from '../domain/state.ts';
import type { IncidentTarget, StoreTransaction } from '../domain/store.ts';
import { targetKey, touchKey } from './claims.ts';
import type { DecisionContext } from './decision-context.ts';
import type { PipelineEvent } from './event.ts';
import { MAX_FROZEN_ALERTS } from './timing.ts';
import { World, type WorldRows } from './world.ts';

/** Loads the rows that the decisions over these events may need: a fixed number of set-wise reads, whatever their number. */
export async function loadWorld(tx: StoreTransaction, events: readonly PipelineEvent[], context: DecisionContext): Promise<World> {
  const loader = new Loader(tx, context);
  await loader.loadAlerts(events);
  await loader.loadRuns(events);
  return new World(await loader.rows());
}

class Loader {
  readonly #tx: StoreTransaction;
  readonly #context: DecisionContext;
  readonly #episodes = new Map<string, Episode>();
  readonly #members: Member[] = [];
  readonly #incidents = new Map<string, Incident>();
  readonly #lines = new Map<string, Line>();
  readonly #runs = new Map<string, Run>();
  #more: Partial<WorldRows> = {};

  constructor(tx: StoreTransaction, context: DecisionContext) {
    this.#tx = tx;
    this.#context = context;
  }

  async loadAlerts(events: readonly PipelineEvent[]): Promise<void> {
    const batches = events.filter((event) => event.kind === 'alerts');
    const keys = new Set(batches.flatMap((event) => event.alerts.map((alert) => alert.alertKey)));
    for (const event of events) {
      if (event.kind === 'reconciled') for (const look of event.looks) keys.add(look.alertKey);
      if (event.kind === 'stale') for (const key of event.alertKeys) keys.add(key);
    }
    if (keys.size === 0) return;
    for (const episode of await this.#tx.currentEpisodes([...keys])) this.#episodes.set(episode.alertKey, episode);
    const { digest } = this.#context.rules;
    const groups = new Set<string>();
    const targets = new Map<string, Set<string>>();
    const withMembers = new Set<string>();
    for (const { alerts, batch } of batches) {
      for (const alert of alerts) {
        const episode = this.#episodes.get(alert.alertKey);
        const isRepeat = alert.message.status === 'firing' && episode?.status === 'firing';
        if (episode !== undefined && (!isRepeat || episode.rulesDigest !== digest || batch.truncatedAlerts > 0)) withMembers.add(episode.id);
        if (alert.message.status !== 'firing' || (isRepeat && episode.rulesDigest === digest)) continue;
        for (const match of alert.matches) {
          groups.add(match.groupKey);
          if (match.target !== undefined && 'value' in match.target) setOf(targets, match.groupKey).add(match.target.value);
        }
      }
    }
    for (const event of events) {
      const ended = event.kind === 'reconciled' ? event.looks.map((look) => look.alertKey) : event.kind === 'stale' ? event.alertKeys : [];
      for (const key of ended) {
        const episode = this.#episodes.get(key);
        if (episode !== undefined) withMembers.add(episode.id);
      }
    }
    const [members, latest] = await Promise.all([
      withMembers.size === 0 ? [] : this.#tx.members([...withMembers]),
      groups.size === 0 ? [] : this.#tx.latestIncidents([...groups]),
    ]);
    this.#members.push(...members);
    for (const incident of latest) this.#incidents.set(incident.id, incident);
    await this.#loadIncidents(members.map((member) => member.incidentId));
    const places: IncidentTarget[] = members.flatMap(({ incidentId, target }) => (target === null ? [] : [{ incidentId, target }]));
    for (const incident of latest) {
      for (const target of targets.get(incident.groupKey) ?? []) {
        places.push({ incidentId: incident.id, target });
        if (incident.previousId !== null) places.push({ incidentId: incident.previousId, target });
      }
    }
    // A re-firing alert stays in the incident it is in, on whatever target it names now.
    const byEpisode = new Map([...this.#episodes.values()].map((episode) => [episode.id, episode.alertKey]));
    const named = new Map<string, string[]>();
    for (const { alerts } of batches) {
      for (const alert of alerts) {
        if (alert.message.status !== 'firing' || !this.#episodes.has(alert.alertKey)) continue;
        const episode = this.#episodes.get(alert.alertKey);
        if (episode?.status === 'firing' && episode.rulesDigest === digest) continue;
        named.set(
          alert.alertKey,
          alert.matches.flatMap((match) => (match.target !== undefined && 'value' in match.target ? [match.target.value] : [])),
        );
      }
    }
    for (const member of members) {
      for (const target of named.get(byEpisode.get(member.episodeId) ?? '') ?? []) places.push({ incidentId: member.incidentId, target });
    }
    if (places.length === 0) return;
    const lines = await this.#tx.linesAt(unique(places));
    for (const line of lines) this.#lines.set(line.id, line);
    const runIds = lines.flatMap((line) => (line.runId === null ? [] : [line.runId]));
    if (runIds.length > 0) for (const run of await this.#tx.runs(runIds)) this.#runs.set(run.id, run);
  }

  async loadRuns(events: readonly PipelineEvent[]): Promise<void> {
    const runIds = new Set(events.flatMap((event) => ('runId' in event && event.runId !== undefined ? [event.runId] : [])));
    const incidentIds = new Set(events.flatMap((event) => ('incidentId' in event ? [event.incidentId] : [])));
    const [runs, incidents, lines, incidentRuns] = await Promise.all([
      runIds.size === 0 ? [] : this.#tx.runs([...runIds]),
      incidentIds.size === 0 ? [] : this.#tx.incidents([...incidentIds]),
      incidentIds.size === 0 ? [] : this.#tx.linesOfIncidents([...incidentIds]),
      incidentIds.size === 0 ? [] : this.#tx.runsOfIncidents([...incidentIds]),
    ]);
    for (const incident of incidents) this.#incidents.set(incident.id, incident);
    for (const line of lines) this.#lines.set(line.id, line);
    for (const run of [...runs, ...incidentRuns]) this.#runs.set(run.id, run);
    const decided = [...runs, ...incidentRuns];
    if (decided.length > 0) await this.#loadDecisions(decided, events);
    const dismissed = events.flatMap((event) => (event.kind === 'resolve' ? [event.incidentId] : []));
    if (dismissed.length > 0) {
      const memberAlerts = await this.#tx.memberAlerts(dismissed, { firingOnly: true, limit: Number.MAX_SAFE_INTEGER });
      this.#more = { ...this.#more, memberAlerts: [...(this.#more.memberAlerts ?? []), ...memberAlerts], episodes: memberAlerts.map((alert) => alert.episode) };
    }
    const rearmed = events.flatMap((event) => (event.kind === 'rearm' ? [event.rule] : []));
    if (rearmed.length > 0) this.#more = { ...this.#more, breakers: [...(this.#more.breakers ?? []), ...(await this.#tx.breakers(rearmed))] };
    if (events.some((event) => event.kind === 'tick') && this.#more.counts === undefined) this.#more = { ...this.#more, counts: await this.#loadCounts() };
  }

  /** What the gates, the claims and the end of a run look at. */
  async #loadDecisions(runs: readonly Run[], events: readonly PipelineEvent[]): Promise<void> {
    const { now, rules, limits } = this.#context;
    const judged = runs.filter((run) => run.state === 'pending' || run.state === 'held');
    const names = [...new Set(runs.map((run) => run.rule))];
    const live = names.map((name) => rules.byName(name)).filter((rule) => rule !== undefined);
    const acting = runs.filter((run) => !run.readsOnly);
    const targets = [...new Set(acting.map((run) => run.target))];
    const touches = events.flatMap((event) => (event.kind === 'planned' ? event.plan.touches : []));
    const lineIds = runs.flatMap((run) => (run.lineId === null || this.#lines.has(run.lineId) ? [] : [run.lineId]));
    const judgedLines = judged.flatMap((run) => (run.lineId === null ? [] : [run.lineId]));
    const places = judged.flatMap((run) => (run.incidentId === null ? [] : [{ incidentId: run.incidentId, target: run.target }]));
    const causes = live.flatMap((rule) => rule.unlessFiring);
    const causeNames = causes.some((cause) => cause.alertname === undefined) ? undefined : [...new Set(causes.flatMap((cause) => cause.alertname ?? []))];
    const since = now - Math.max(limits.recurrenceMs, ...live.map(longestLookBack));
    const started = runs.filter((run) => run.startedAt !== null).map((run) => run.id);
    const [steps, lines, claimed, claims, briefs, breakers, lineFacts, lineAlerts, firingAlerts, counts] = await Promise.all([
      started.length === 0 ? [] : this.#tx.steps(started),
      lineIds.length === 0 ? [] : this.#tx.lines(lineIds),
      started.length === 0 ? [] : this.#tx.claimsOfRuns(started),
      this.#tx.claims([...runs.map((run) => targetKey(run.target)), ...touches.map(touchKey)]),
      acting.length === 0 ? [] : this.#tx.briefs({ targets, rules: names, since }),
      acting.length === 0 ? [] : this.#tx.breakers(names),
      judgedLines.length === 0 ? [] : this.#tx.lineFacts(judgedLines, now),
      places.length === 0 ? [] : this.#tx.lineAlerts(unique(places), MAX_FROZEN_ALERTS),
      causes.length === 0 || judged.length === 0 ? [] : this.#tx.firingAlerts(causeNames),
      judged.length === 0 ? undefined : this.#loadCounts(),
    ]);
    for (const line of lines) this.#lines.set(line.id, line);
    await this.#loadIncidents(runs.flatMap((run) => (run.incidentId === null ? [] : [run.incidentId])));
    this.#more = {
      steps,
      claims: [...claimed, ...claims],
      briefs: withoutCopies(briefs),
      breakers,
      lineFacts,
      memberAlerts: lineAlerts,
      firingAlerts,
      ...(counts === undefined ? {} : { counts }),
    };
  }

  async #loadCounts(): Promise<NonNullable<WorldRows['counts']>> {
    const { now, limits } = this.#context;
    const [newEpisodes, actingRuns, running] = await Promise.all([
      this.#tx.countNewEpisodes(now - limits.storm.windowMs, limits.storm.count + 1),
      this.#tx.countActingRuns(now - limits.maxRuns.windowMs, limits.maxRuns.count + 1),
      this.#tx.countRunning(),
    ]);
    return { newEpisodes, actingRuns, running };
  }

  async #loadIncidents(ids: readonly string[]): Promise<void> {
    const missing = [...new Set(ids)].filter((id) => !this.#incidents.has(id));
    if (missing.length > 0) for (const incident of await this.#tx.incidents(missing)) this.#incidents.set(incident.id, incident);
  }

  async rows(): Promise<WorldRows> {
    return {
      ...this.#more,
      switches: await this.#tx.switches(),
      episodes: [...this.#episodes.values(), ...(this.#more.episodes ?? [])],
      members: this.#members,
      incidents: [...this.#incidents.values()],
      lines: [...this.#lines.values()],
      runs: [...this.#runs.values()],
    };
  }
}

function longestLookBack(rule: Rule): number {
  const { maxRuns, maxTargets, breaker, cooldownMs } = rule.safety;
  const windows = [...maxRuns, ...maxTargets.windows, breaker].map((rate) => rate.windowMs);
  // A run that began to act before the window may have ended inside it.
  return Math.max(cooldownMs, ...windows) + rule.timeoutMs + (rule.verify?.resolvedWithinMs ?? 0);
}

function setOf(map: Map<string, Set<string>>, key: string): Set<string> {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = new Set<string>();
  map.set(key, made);
  return made;
}

function unique(places: readonly IncidentTarget[]): IncidentTarget[] {
  return [...new Map(places.map((place) => [`${place.incidentId}\n${place.target}`, place])).values()];
}

function withoutCopies(briefs: readonly RunBrief[]): RunBrief[] {
  return [...new Map(briefs.map((brief) => [brief.id, brief])).values()];
}
