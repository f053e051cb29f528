import { gates } from '../../src/pipeline/gates/index.ts';
import type { PlantedBug } from './moves.ts';

/** A defect, and words of the violation that it must be found by. */
export interface ExpectedBug extends PlantedBug {
  readonly breaks: string;
  /** Whether it is about asking people. */
  readonly asksPeople?: boolean;
}

/** Defects that the pipeline could have had; the explorer has to find each of them, by what it breaks. */
export const plantedBugs: ReadonlyMap<string, ExpectedBug> = new Map<string, ExpectedBug>([
  [
    'target_busy is not judged',
    { breaks: 'target_busy would hold it', gates: gates.filter((gate) => gate.name !== 'target_busy') },
  ],
  ['no gate is judged', { breaks: 'law 1', gates: [] }],
  ['claims are not written', { breaks: 'law 1', alter: (changes) => ({ ...changes, claims: [] }) }],
  ['claims are not released', { breaks: 'ended run', alter: (changes) => ({ ...changes, releasedClaims: [] }) }],
  [
    'the intent is not written before a change',
    {
      breaks: 'without an intent',
      alter: (changes) => ({
        ...changes,
        steps: changes.steps.filter((step) => !(step.state === 'running' && step.stage === 'acting' && step.effect !== 'read')),
      }),
    },
  ],
  [
    'what an interrupted run had claimed is released',
    {
      breaks: 'left its target',
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
      breaks: 'nothing will ever wake it',
      alter: (changes) => ({
        ...changes,
        runs: changes.runs.map((run) => (run.state === 'held' ? { ...run, wakeAt: null } : run)),
      }),
    },
  ],
  [
    'a question counts as answered when it is asked',
    {
      breaks: 'law 4',
      asksPeople: true,
      alter: (changes) => ({
        ...changes,
        approvals: changes.approvals.map((approval) =>
          approval.state === 'open' ? { ...approval, state: 'approved' } : approval,
        ),
      }),
    },
  ],
  [
    'one click is enough for two people',
    {
      breaks: 'law 4',
      asksPeople: true,
      alter: (changes) => ({
        ...changes,
        approvals: changes.approvals.map((approval) =>
          approval.state === 'open' && approval.approvedBy.length > 0 ? { ...approval, state: 'approved' } : approval,
        ),
      }),
    },
  ],
  [
    'escalations are not written',
    {
      breaks: 'is forgotten',
      alter: (changes) => ({ ...changes, incidents: changes.incidents.map((incident) => ({ ...incident, escalationLevel: 0 })) }),
    },
  ],
]);
