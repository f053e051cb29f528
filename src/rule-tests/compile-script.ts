import { parseDuration } from '../domain/duration.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import { ParameterError, parseParameter, type OutputSpec } from '../domain/parameter.ts';
import { matchesPattern } from '../domain/pattern.ts';
import { STEP_ERROR_CODES, type AnyRemediation, type StepErrorCode } from '../domain/remediation.ts';
import type { ReportProblem } from '../rules/report-problem.ts';
import type { ScriptDefinition } from '../rules/tests-file-schema.ts';
import { suggestName } from '../schema/nearest-name.ts';
import type { YamlPath } from '../schema/yaml-file.ts';
import type { FilePlace } from './file-place.ts';
import type { Script, ScriptedOutput } from './script.ts';

interface ScriptContext {
  readonly remediations: ReadonlyMap<string, AnyRemediation>;
  readonly report: ReportProblem;
  readonly place: FilePlace;
}

/** What stands beside `error`. */
const ERROR_KEYS = ['error', 'message', 'stage', 'happened'] as const;
/** Failures of which it is certain that nothing has happened. */
const CERTAIN: readonly StepErrorCode[] = [
  'missing_value',
  'invalid_value',
  'not_allowed',
  'self_harm',
  'over_limit',
  'not_found',
  'precondition_failed',
  'permission_denied',
  'unavailable',
];
/** Failures that are found out before anything is done. */
const WHEN_PLANNED: readonly StepErrorCode[] = [
  'missing_value',
  'invalid_value',
  'not_allowed',
  'self_harm',
  'over_limit',
  'not_found',
];

/** Compiles what a test says of a remediation: parameters and outputs are those of the catalogue. */
export function compileScript(definition: ScriptDefinition, context: ScriptContext, path: YamlPath): Script | undefined {
  const { remediations, report, place } = context;
  const { uses, when = {}, takes, outputs } = definition;
  const remediation = remediations.get(uses);
  if (remediation === undefined) {
    report([...path, 'uses'], `unknown remediation '${uses}'${suggestName(uses, [...remediations.keys()])}`);
    return undefined;
  }
  const takesMs = takes === undefined ? 0 : (parseDuration(takes) ?? -1);
  if (takesMs < 0) report([...path, 'takes'], `${JSON.stringify(takes)} is not a duration such as 5s`);
  const isParameter = Object.hasOwn(remediation.params, 'connection');
  const { connection, ...others } = when;
  if (connection !== undefined && !isParameter && typeof connection !== 'string')
    report([...path, 'when', 'connection'], 'a connection is a name');
  return {
    remediation,
    place,
    when: compileWhen(isParameter ? when : others, remediation, report, [...path, 'when']),
    connection: !isParameter && typeof connection === 'string' ? connection : undefined,
    outputs: outputs.map((output, index) =>
      compileOutput(output, remediation, Math.max(0, takesMs), report, [...path, 'outputs', index]),
    ),
  };
}

/** The parameters as a remediation gets them: durations in milliseconds, sizes in bytes. */
function compileWhen(when: JsonObject, { params }: AnyRemediation, report: ReportProblem, path: YamlPath): JsonObject {
  const compiled: Record<string, Json> = {};
  for (const [name, value] of Object.entries(when)) {
    const spec = Object.hasOwn(params, name) ? params[name] : undefined;
    if (spec === undefined) {
      report([...path, name], `unknown parameter '${name}'${suggestName(name, Object.keys(params))}`, { at: 'key' });
      continue;
    }
    try {
      compiled[name] = parseParameter(name, spec, value, matchesPattern);
    } catch (error) {
      if (!(error instanceof ParameterError)) throw error;
      report([...path, name], error.message);
    }
  }
  return compiled;
}

function compileOutput(
  given: JsonObject,
  remediation: AnyRemediation,
  takesMs: number,
  report: ReportProblem,
  path: YamlPath,
): ScriptedOutput {
  if (Object.hasOwn(given, 'error')) return compileError(given, takesMs, report, path);
  const { outputs, example } = remediation;
  const output: Record<string, Json> = { ...example };
  for (const [name, value] of Object.entries(given)) {
    const spec = Object.hasOwn(outputs, name) ? outputs[name] : undefined;
    if (spec === undefined) {
      report([...path, name], `${remediation.name} has no output '${name}'${suggestName(name, Object.keys(outputs))}`, {
        at: 'key',
      });
      continue;
    }
    const parsed = parseOutput(name, spec, value);
    if ('fault' in parsed) report([...path, name], parsed.fault);
    else output[name] = parsed.value;
  }
  const took = Object.hasOwn(given, 'took') ? output['took'] : undefined;
  return { output, takesMs: typeof took === 'number' ? took : takesMs };
}

function parseOutput(name: string, { type }: OutputSpec, value: Json): { readonly value: Json } | { readonly fault: string } {
  // An answer may be empty, or have no value, where a parameter may not.
  if (value === null || (value === '' && type === 'string')) return { value };
  if (type === 'timestamp') {
    if (typeof value === 'string' && !Number.isNaN(Date.parse(value))) return { value };
    return { fault: `output "${name}" is ${JSON.stringify(value)}; expected an instant such as 2026-11-22T02:30:00Z` };
  }
  try {
    return { value: parseParameter(name, { type }, value, matchesPattern) };
  } catch (error) {
    if (!(error instanceof ParameterError)) throw error;
    return { fault: error.message.replace(/^parameter/, 'output') };
  }
}

function compileError(given: JsonObject, takesMs: number, report: ReportProblem, path: YamlPath): ScriptedOutput {
  for (const key of Object.keys(given)) {
    if (!ERROR_KEYS.some((known) => known === key))
      report([...path, key], `unknown key '${key}' beside error${suggestName(key, ERROR_KEYS)}`, { at: 'key' });
  }
  const { error, message, stage, happened } = given;
  const known = STEP_ERROR_CODES.find((name) => name === error);
  if (known === undefined)
    report(
      [...path, 'error'],
      `unknown error ${JSON.stringify(error)}${typeof error === 'string' ? suggestName(error, STEP_ERROR_CODES) : ''}`,
    );
  const code: StepErrorCode = known ?? 'internal_error';
  if (message !== undefined && typeof message !== 'string') report([...path, 'message'], 'a message is a text');
  if (stage !== undefined && stage !== 'plan' && stage !== 'run') report([...path, 'stage'], 'expected plan or run');
  if (happened !== undefined && happened !== 'nothing' && happened !== 'unknown')
    report([...path, 'happened'], 'expected nothing or unknown');
  return {
    error: {
      code,
      message: typeof message === 'string' ? message : `${code}, as the test says`,
      happened: happened === 'nothing' || happened === 'unknown' ? happened : CERTAIN.includes(code) ? 'nothing' : 'unknown',
    },
    stage: stage === 'plan' || stage === 'run' ? stage : WHEN_PLANNED.includes(code) ? 'plan' : 'run',
    takesMs,
  };
}
