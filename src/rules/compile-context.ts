import type { YamlPath } from '../schema/yaml-file.ts';
import { parseDuration } from '../domain/duration.ts';
import type { ApprovalSpec, Playbook } from '../domain/rule.ts';
import { approvalFaults } from '../schema/approval-faults.ts';
import { suggestName } from '../schema/nearest-name.ts';
import type { ExpressionCompiler } from './expression-compiler.ts';
import type { ReportProblem } from './report-problem.ts';
import type { ApprovalDefinition, PlaybookDefinition } from './rule-file-schema.ts';
import type { RuleSettings } from './rule-settings.ts';

/** A playbook that was compiled, and what a snapshot has to keep of it. */
export interface CompiledPlaybook {
  readonly playbook: Playbook;
  /** As written, with its connections filled in. */
  readonly definition: PlaybookDefinition;
  /** The playbooks that it uses, at any depth, as written. */
  readonly uses: ReadonlyMap<string, PlaybookDefinition>;
  /** 1 for one that uses no other. */
  readonly depth: number;
  /** How many steps it has, with those of the playbooks it uses. */
  readonly stepCount: number;
}

/** Gives playbooks by name, compiled for those who would be asked for approvals. */
export interface PlaybookSource {
  /** Reports why there is none, at the path of the name. */
  find(name: string, approval: ApprovalSpec, path: YamlPath, report: ReportProblem): CompiledPlaybook | undefined;
}

/** What rules, playbooks and steps of one file are compiled with. */
export interface CompileContext {
  readonly settings: RuleSettings;
  readonly compiler: ExpressionCompiler;
  readonly playbooks: PlaybookSource;
  readonly report: ReportProblem;
  /** `defaults.connection` of the file. */
  readonly defaultConnection?: string;
  /** Who is asked when a step does not say so. */
  readonly approval: ApprovalSpec;
  /** Whether nothing here acts by itself: a rule in mode `observe`, or a playbook, whose rules decide. */
  readonly observes?: boolean;
}

/** Milliseconds of a written duration; the fallback when there is none. */
export function compileDuration(text: string | undefined, fallbackMs: number, path: YamlPath, report: ReportProblem): number {
  if (text === undefined) return fallbackMs;
  const ms = parseDuration(text);
  if (ms === undefined) report(path, `"${text}" is not a duration such as 30s, 10m or 2h`);
  return ms ?? fallbackMs;
}

/** Who is asked: what is written wins over what applies around it. */
export function compileApproval(
  definition: ApprovalDefinition | undefined,
  around: ApprovalSpec,
  settings: RuleSettings,
  path: YamlPath,
  report: ReportProblem,
): ApprovalSpec {
  if (definition === undefined) return around;
  checkRoles(definition.roles ?? [], settings, [...path, 'roles'], report);
  const approval = {
    roles: definition.roles ?? around.roles,
    count: definition.count ?? around.count,
    timeoutMs: compileDuration(definition.timeout, around.timeoutMs, [...path, 'timeout'], report),
    onTimeout: definition.on_timeout ?? around.onTimeout,
  };
  const faults = settings.roles === undefined ? [] : approvalFaults(approval, settings.roles);
  for (const fault of faults) report(path, fault, { at: 'key', severity: 'warning' });
  return approval;
}

/** Reports roles that are not configured. */
export function checkRoles(roles: readonly string[], settings: RuleSettings, path: YamlPath, report: ReportProblem): void {
  const known = settings.roles;
  if (known === undefined) return;
  roles.forEach((role, index) => {
    if (!known.has(role)) report([...path, index], `unknown role '${role}'${suggestName(role, [...known.keys()])}`);
  });
}
