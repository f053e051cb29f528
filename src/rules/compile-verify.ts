import type { Check, Verify } from '../domain/rule.ts';
import type { YamlPath } from '../schema/yaml-file.ts';
import { compileCall } from './compile-call.ts';
import { compileDuration } from './compile-context.ts';
import type { CompileContext } from './compile-context.ts';
import { compileExpectation } from './compile-steps.ts';
import type { ScopeShape } from './expression-scope.ts';
import type { CheckDefinition, RuleDefinition } from './rule-file-schema.ts';

const DEFAULT_RESOLVED_WITHIN_MS = 900_000;
const DEFAULT_CHECK_TIMEOUT_MS = 30_000;

type VerifyDefinition = NonNullable<RuleDefinition['verify']>;

/** The `verify` of a rule, and its definition with connections filled in. */
export function compileVerify(
  written: VerifyDefinition,
  shape: ScopeShape,
  context: CompileContext,
  path: YamlPath,
): { readonly verify: Verify; readonly definition: VerifyDefinition } {
  const { checks = [], stable_for: stableFor, resolved_within: resolvedWithin } = written;
  const compiled = checks.map((check, index) => compileCheck(check, shape, context, [...path, 'checks', index]));
  return {
    verify: {
      checks: compiled.flatMap(({ check }) => check ?? []),
      stableForMs: compileDuration(stableFor, 0, [...path, 'stable_for'], context.report),
      resolvedWithinMs: compileDuration(resolvedWithin, DEFAULT_RESOLVED_WITHIN_MS, [...path, 'resolved_within'], context.report),
      needsResolved: resolvedWithin !== undefined || checks.length === 0,
    },
    definition: { ...written, ...(written.checks === undefined ? {} : { checks: compiled.map(({ definition }) => definition) }) },
  };
}

function compileCheck(
  written: CheckDefinition,
  shape: ScopeShape,
  context: CompileContext,
  path: YamlPath,
): { readonly check?: Check; readonly definition: CheckDefinition } {
  const compiled = compileCall(written, shape, context, path);
  if (compiled === undefined) return { definition: written };
  const { call, definition } = compiled;
  if (call.effect !== 'read') context.report([...path, 'uses'], `a check only reads; ${written.uses} may change something`);
  const { expect, withinMs } = compileExpectation(written, { ...shape, output: call.remediation.outputs }, context, path);
  const filled: CheckDefinition = { ...written, ...definition, ...(definition.with === undefined ? { with: {} } : {}) };
  if (expect === undefined) return { definition: filled };
  const timeoutMs = compileDuration(written.timeout, DEFAULT_CHECK_TIMEOUT_MS, [...path, 'timeout'], context.report);
  return { check: { call, expect, timeoutMs, ...(withinMs === undefined ? {} : { withinMs }) }, definition: filled };
}
