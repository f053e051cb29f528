import { EFFECTS } from '../domain/remediation.ts';
import type { ConnectionKind } from '../domain/connection.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import type { AnyRemediation, Effect } from '../domain/remediation.ts';
import type { RemediationCall, TextTemplate } from '../domain/rule.ts';
import { ExpressionError } from '../domain/scope.ts';
import type { Scope } from '../domain/scope.ts';
import type { YamlPath } from '../schema/yaml-file.ts';
import { suggestName } from '../schema/nearest-name.ts';
import type { CompileContext } from './compile-context.ts';
import { compileParameters } from './compile-parameters.ts';
import type { CompiledParameters } from './compile-parameters.ts';
import type { ScopeShape } from './expression-scope.ts';
import { reportExpression } from './report-problem.ts';
import { compileTextTemplate } from './template.ts';

/** What a step or check writes about the remediation that it calls. */
export interface CallDefinition {
  readonly uses: string;
  readonly connection?: string | undefined;
  readonly with?: JsonObject | undefined;
}

/** A compiled call that knows what was written: where it cannot be rendered yet, people see that. */
export interface WrittenCall extends RemediationCall {
  readonly written: { readonly connection?: string; readonly with: JsonObject };
}

/** Whether a call was compiled here. */
export function isWrittenCall(call: RemediationCall): call is WrittenCall {
  return 'written' in call;
}

/** A call that was compiled, and its definition with the connection filled in. */
export interface CompiledCall {
  readonly call: WrittenCall;
  readonly definition: { readonly connection?: string; readonly with?: JsonObject };
}

/** Compiles a call of a remediation; `undefined` when there is no such remediation, after reporting it. */
export function compileCall(
  written: CallDefinition,
  shape: ScopeShape,
  context: CompileContext,
  path: YamlPath,
): CompiledCall | undefined {
  const { settings, compiler, report } = context;
  const remediation = settings.remediations.get(written.uses);
  if (remediation === undefined) {
    report(
      [...path, 'uses'],
      `unknown remediation '${written.uses}'${suggestName(written.uses, [...settings.remediations.keys()])}`,
    );
    return undefined;
  }
  const { source, connectionPath, values } = findConnection(written, remediation, context, path);
  const connection = source === undefined ? undefined : compileConnection(source, remediation, shape, context, connectionPath);
  const params = compileParameters(remediation.params, values, { compiler, shape, report }, [...path, 'with']);
  return {
    call: {
      kind: 'remediation',
      remediation,
      effect: worstEffect(remediation, params),
      render: (scope) => ({ connection: connection?.(scope), params: params.render(scope) }),
      written: { with: values, ...(source === undefined ? {} : { connection: source }) },
    },
    definition: {
      ...(source === undefined ? {} : { connection: source }),
      ...(Object.keys(values).length === 0 ? {} : { with: values }),
    },
  };
}

interface FoundConnection {
  readonly source: string | undefined;
  readonly connectionPath: YamlPath;
  /** `with` without the connection. */
  readonly values: JsonObject;
}

/** `with.connection`, the step's `connection`, the file's default, else the only one of the kind. */
function findConnection(
  written: CallDefinition,
  remediation: AnyRemediation,
  context: CompileContext,
  path: YamlPath,
): FoundConnection {
  const { connection: inWith, ...others } = written.with ?? {};
  const isParameter = Object.hasOwn(remediation.params, 'connection');
  const values = isParameter ? (written.with ?? {}) : others;
  const inWithPath = [...path, 'with', 'connection'];
  const kind = remediation.connection;
  if (inWith !== undefined && !isParameter) {
    if (typeof inWith !== 'string') context.report(inWithPath, 'a connection is a name');
    else if (kind !== undefined) return { source: inWith, connectionPath: inWithPath, values };
    else context.report(inWithPath, `${remediation.name} uses no connection`, { at: 'key' });
  }
  const connectionPath = [...path, 'connection'];
  if (kind === undefined) {
    if (written.connection !== undefined) context.report(connectionPath, `${remediation.name} uses no connection`, { at: 'key' });
    return { source: undefined, connectionPath, values };
  }
  return { source: written.connection ?? defaultConnection(kind, remediation, context, path), connectionPath, values };
}

function defaultConnection(
  kind: ConnectionKind,
  remediation: AnyRemediation,
  context: CompileContext,
  path: YamlPath,
): string | undefined {
  const { connections } = context.settings;
  const byFile = context.defaultConnection;
  // A file's default may name, say, the PostgreSQL of a system whose only Docker has another name.
  if (byFile !== undefined && connections.faultOf(kind, byFile) === undefined) return byFile;
  const only = connections.onlyOne(kind);
  if (only !== undefined) return only;
  if (byFile === undefined && context.observes === true && !connections.hasAny(kind)) {
    // A newcomer's first rules only watch; they load before there is anything to connect to.
    context.report([...path, 'uses'], `${remediation.name} cannot be planned: no ${kind} connection is configured`, {
      severity: 'warning',
    });
    return undefined;
  }
  const fault = byFile === undefined ? '' : `; ${connections.faultOf(kind, byFile) ?? ''}`;
  context.report([...path, 'uses'], `${remediation.name} needs a ${kind} connection: write \`connection\`${fault}`);
  return undefined;
}

function compileConnection(
  source: string,
  remediation: AnyRemediation,
  shape: ScopeShape,
  context: CompileContext,
  path: YamlPath,
): ((scope: Scope) => string) | undefined {
  const template = compileTextTemplate(context.compiler, source, shape);
  reportExpression(context.report, path, template.problems);
  const kind = remediation.connection;
  if (kind === undefined || template.problems.length > 0) return undefined;
  const { connections } = context.settings;
  if (template.isConstant) {
    const fault = connections.faultOf(kind, source);
    if (fault !== undefined) context.report(path, fault);
    return () => source;
  }
  return (scope) => checkedConnection(template, scope, (name) => connections.faultOf(kind, name));
}

function checkedConnection(template: TextTemplate, scope: Scope, faultOf: (name: string) => string | undefined): string {
  const name = template.render(scope);
  const fault = faultOf(name);
  if (fault !== undefined) throw new ExpressionError('expression_error', fault);
  return name;
}

/** The worst that a call may do: parameters that are not known yet may have any of their allowed values. */
function worstEffect(remediation: AnyRemediation, params: CompiledParameters): Effect {
  let cases: JsonObject[] = [params.constants];
  for (const name of params.rendered) {
    const allowed: readonly Json[] = remediation.params[name]?.enum ?? [];
    if (allowed.length > 0 && allowed.length * cases.length <= 1_000) {
      cases = cases.flatMap((known) => allowed.map((value) => ({ ...known, [name]: value })));
    }
  }
  return cases.map((known) => remediation.effect(known)).reduce(worse, 'read');
}

/** The worse of two effects. */
function worse(a: Effect, b: Effect): Effect {
  return EFFECTS.indexOf(a) > EFFECTS.indexOf(b) ? a : b;
}
