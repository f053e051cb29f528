import { hash } from 'node:crypto';
import type { Json, JsonObject } from '../domain/json.ts';
import type { Plan } from '../domain/remediation.ts';
import type { IntendedStep, Run, StepRecord } from '../domain/state.ts';

/** A planned step, as people are shown it and as an approval binds it. */
export function intendedStep(record: StepRecord, plan: Plan): IntendedStep {
  return {
    address: record.address,
    uses: record.uses,
    connection: record.connection,
    params: record.params ?? {},
    identity: plan.identity,
    summary: plan.summary,
  };
}

/** sha256 of everything that an approval binds; the words for people are not part of it. */
export function intentDigest(run: Run, steps: readonly IntendedStep[]): string {
  const bound = steps.map(({ address, uses, connection, params, identity }) => ({ address, uses, connection, params, identity }));
  const { ruleDigest, target, params, rung } = run;
  return hash('sha256', canonicalJson({ ruleDigest, target, params, rung, steps: bound }), 'hex');
}

/** Whether a step's new plan does nothing but what was intended. What earlier attempts have used up of its `limit` is gone. */
export function isWithin(intended: IntendedStep, record: StepRecord, plan: Plan): boolean {
  return (
    intended.address === record.address &&
    intended.uses === record.uses &&
    intended.connection === record.connection &&
    isSameOrLess(intended.params, record.params ?? {}) &&
    isSameOrLess(intended.identity, plan.identity)
  );
}

function isSameOrLess(allowed: JsonObject, wanted: JsonObject): boolean {
  const most = allowed['limit'];
  const limit = wanted['limit'];
  const isLess = typeof most === 'number' && typeof limit === 'number' && limit <= most;
  return canonicalJson(allowed) === canonicalJson(isLess ? { ...wanted, limit: most } : wanted);
}

/** JSON with the keys of every object in order, so that equal values are equal texts wherever they were kept meanwhile. */
function canonicalJson(value: Json): string {
  return JSON.stringify(value, (_key, part: Json) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
