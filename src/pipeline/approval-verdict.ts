import type { Playbook, Rule, Step } from '../domain/rule.ts';
import type { GateVerdict } from '../domain/state.ts';

/** What gate `approval` will say of a rule's run, as far as the rule itself tells. It is asked inside the run. */
export function approvalVerdict(rule: Rule): GateVerdict {
  const steps = rule.rungs.flatMap(({ playbook }) => stepsOf(playbook));
  const asking = steps.find(({ approval }) => approval !== undefined);
  const destructive = rule.safety.allowDestructive ? undefined : steps.find(isDestructive);
  const detail =
    rule.mode === 'approve' && !rule.readsOnly
      ? 'asked at the first change: the rule is in mode approve'
      : asking !== undefined
        ? `asked at step ${asking.id}`
        : destructive !== undefined
          ? `asked at step ${destructive.id}: it is destructive`
          : '';
  return { gate: 'approval', verdict: detail === '' ? 'proceed' : 'hold', detail };
}

function stepsOf({ steps }: Playbook): readonly Step[] {
  return steps.flatMap((step) => (step.call.kind === 'playbook' ? [step, ...stepsOf(step.call.playbook)] : [step]));
}

function isDestructive({ call }: Step): boolean {
  return call.kind === 'remediation' && call.effect === 'destructive';
}
