import type { Rule } from '../domain/rule.ts';
import type { Run } from '../domain/state.ts';
import { dryRun, type DryRunStep } from './dry-run.ts';
import type { CallRunner } from './dry-walk.ts';
import type { PreviewedStep } from './event.ts';
import { scopeOfRun } from './scope-of-run.ts';

/** What the run of an observed rule would have done: its steps, planned and not done. */
export async function previewRun(run: Run, rule: Rule, runCall: CallRunner, now: number): Promise<readonly PreviewedStep[]> {
  const [rung] = rule.rungs;
  if (rung === undefined) return [];
  const steps = await dryRun(rung, scopeOfRun(run, now), runCall);
  return steps.map((step) => ({ address: step.address, id: step.id, uses: step.uses, summary: previewText(step) }));
}

/** What a step would have done, for the timeline. */
function previewText({ state, uses, plan, error }: DryRunStep): string {
  switch (state) {
    case 'planned':
      return `would ${plan?.summary ?? uses}`;
    case 'read':
      return `${uses} was read`;
    case 'skipped':
      return `${uses} would be skipped`;
    case 'failed':
      return `${uses} would fail: ${error?.message ?? 'no reason is known'}`;
  }
}
