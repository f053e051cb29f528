import { parentPort, workerData } from 'node:worker_threads';
import { explore } from './explore.ts';
import { plantedBugs } from './planted-bugs.ts';
import { defectScenario, scenarios } from './scenarios.ts';

/** What a worker is to explore: a scenario by its name, or one with a planted defect by the defect's. */
export type Job = { readonly scenario: string } | { readonly bug: string };

const job = workerData as Job;
parentPort?.postMessage(
  'bug' in job
    ? explore(defectScenario(plantedBugs.get(job.bug)?.asksPeople), plantedBugs.get(job.bug))
    : explore(scenarioNamed(job.scenario)),
);

function scenarioNamed(name: string): ReturnType<typeof defectScenario> {
  const scenario = scenarios().find((candidate) => candidate.name === name);
  if (scenario === undefined) throw new Error(`there is no scenario "${name}"`);
  return scenario;
}
