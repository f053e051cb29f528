import { gates } from '../../src/pipeline/gates/index.ts';
import type { PlantedBug } from './moves.ts';

/** Defects that the pipeline could have had; the explorer has to find each of them. */
export const plantedBugs: ReadonlyMap<string, PlantedBug> = new Map<string, PlantedBug>([
  ['target_busy is not judged', { gates: gates.filter((gate) => gate.name !== 'target_busy') }],
  ['no gate is judged', { gates: [] }],
  ['claims are not written', { alter: (changes) => ({ ...changes, claims: [] }) }],
  ['claims are not released', { alter: (changes) => ({ ...changes, releasedClaims: [] }) }],
  [
    'the intent is not written before a change',
    {
      alter: (changes) => ({
        ...changes,
        steps: changes.steps.filter((step) => !(step.state === 'running' && step.stage === 'acting' && step.effect !== 'read')),
      }),
    },
  ],
  [
    'what an interrupted run had claimed is released',
    {
      alter: (changes) => ({
        ...changes,
        claims: changes.claims.filter((claim) => !claim.quarantined),
        releasedClaims: [
          ...changes.releasedClaims,
          ...changes.claims.filter((claim) => claim.quarantined).map((claim) => claim.key),
        ],
      }),
    },
  ],
  [
    'wake times of held runs are lost',
    {
      alter: (changes) => ({
        ...changes,
        runs: changes.runs.map((run) => (run.state === 'held' ? { ...run, wakeAt: null } : run)),
      }),
    },
  ],
  [
    'escalations are not written',
    {
      alter: (changes) => ({ ...changes, incidents: changes.incidents.map((incident) => ({ ...incident, escalationLevel: 0 })) }),
    },
  ],
]);
