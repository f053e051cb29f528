import type { JsonObject } from '../domain/json.ts';
import { noticeIdStart } from '../domain/new-notice.ts';
import type { Incident, Run, StepRecord } from '../domain/state.ts';
import type { StoredTimelineEntry } from '../domain/state.ts';
import type { ExpectationDefinition } from '../rules/tests-file-schema.ts';
import type { TestDaemon, Told } from './test-daemon.ts';

/** What is so at an instant, of a rule or of the newest run. */
export interface Observed {
  readonly rule: string | undefined;
  readonly run: Run | undefined;
  readonly incident: Incident | undefined;
  /** How many runs there have been that the expectation speaks of. */
  readonly runs: number;
  readonly steps: readonly StepRecord[];
  readonly params: JsonObject;
  /** What places were told of the incident, or by a run that has none. */
  readonly told: readonly Told[];
  readonly timeline: readonly StoredTimelineEntry[];
}

/** Looks at what an expectation speaks of: the newest run of its rule and target, and the incident of that run. */
export async function observe(daemon: TestDaemon, { rule, target }: ExpectationDefinition): Promise<Observed> {
  const runs = (await daemon.runs()).filter((run) => (rule ?? run.rule) === run.rule && (target ?? run.target) === run.target);
  const run = runs.at(-1);
  const incidents = (await daemon.incidents()).filter((each) => (rule ?? run?.rule ?? each.rule) === each.rule);
  // An incident that began after the newest run has none: the rule only tells people, or automation has yielded.
  const newest = target === undefined ? incidents.at(-1) : undefined;
  const own = incidents.find(({ id }) => id === run?.incidentId);
  const isLater = newest !== undefined && run !== undefined && newest.startedAt > run.createdAt;
  const incident = run === undefined || isLater ? newest : own;
  const detail = run === undefined ? undefined : await daemon.runDetail(run.id);
  const story = incident === undefined ? detail : await daemon.incidentDetail(incident.id);
  const told = daemon.told.filter(({ id, incidentId }) =>
    incident === undefined ? run !== undefined && id.startsWith(noticeIdStart(`${run.id}/`)) : incidentId === incident.id,
  );
  return {
    rule: rule ?? run?.rule ?? incident?.rule,
    run,
    incident,
    runs: runs.length,
    steps: detail?.steps ?? [],
    params: run?.params ?? {},
    told,
    timeline: story?.timeline ?? [],
  };
}
