import type { ApprovalSpec, Playbook } from '../domain/rule.ts';
import type { YamlPath } from '../schema/yaml-file.ts';
import { suggestName } from '../schema/nearest-name.ts';
import { compileSpecs } from './compile-specs.ts';
import { compileSteps } from './compile-steps.ts';
import { expireSilences } from './expire-silences.ts';
import { collectPlaybooks } from './rule-snapshot.ts';
import type { CompileContext, CompiledPlaybook, PlaybookSource } from './compile-context.ts';
import type { ScopeShape } from './expression-scope.ts';
import type { ReportProblem } from './report-problem.ts';
import type { PlaybookDefinition } from './rule-file-schema.ts';

/** The deepest that playbooks may use each other. */
const MAX_PLAYBOOK_DEPTH = 5;
/** The most steps of a playbook, with those of the playbooks it uses. */
export const MAX_STEPS = 1_000;

/** A playbook as it is written, and what its file says. */
export interface PlaybookEntry {
  readonly definition: PlaybookDefinition;
  readonly path: YamlPath;
  readonly report: ReportProblem;
  readonly defaultConnection?: string;
}

/** The playbooks of all files. Each is compiled when it is first asked for, once for each way of being approved. */
export class PlaybookLibrary implements PlaybookSource {
  readonly #entries: ReadonlyMap<string, PlaybookEntry>;
  readonly #broken: ReadonlySet<string>;
  readonly #base: Pick<CompileContext, 'settings' | 'compiler'>;
  readonly #compiled = new Map<string, CompiledPlaybook>();
  readonly #open: string[] = [];

  /** `broken`: names of playbooks that exist and cannot be compiled; whoever read them has reported why. */
  constructor(
    entries: ReadonlyMap<string, PlaybookEntry>,
    base: Pick<CompileContext, 'settings' | 'compiler'>,
    broken: ReadonlySet<string> = new Set(),
  ) {
    this.#entries = entries;
    this.#broken = broken;
    this.#base = base;
  }

  find(name: string, approval: ApprovalSpec, path: YamlPath, report: ReportProblem): CompiledPlaybook | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) {
      if (this.#broken.has(name)) return undefined;
      report(path, `unknown playbook '${name}'${suggestName(name, [...this.#entries.keys()])}`);
      return undefined;
    }
    if (this.#open.includes(name)) {
      report(path, `a playbook cannot use itself: ${[...this.#open.slice(this.#open.indexOf(name)), name].join(' → ')}`);
      return undefined;
    }
    const key = JSON.stringify([name, approval]);
    const known = this.#compiled.get(key);
    if (known !== undefined) return known;
    this.#open.push(name);
    const compiled = compilePlaybook(entry, { ...this.#base, playbooks: this, approval });
    this.#open.pop();
    this.#compiled.set(key, compiled);
    return compiled;
  }
}

function compilePlaybook(entry: PlaybookEntry, base: Omit<CompileContext, 'report'>): CompiledPlaybook {
  const { definition, path, report, defaultConnection } = entry;
  const context: CompileContext = {
    ...base,
    report,
    observes: true,
    ...(defaultConnection === undefined ? {} : { defaultConnection }),
  };
  const params = compileSpecs(definition.params ?? {}, base.compiler, [...path, 'params'], report);
  const shape: ScopeShape = { kind: 'playbook', params, steps: new Map() };
  const steps = compileSteps(definition.steps, shape, context, [...path, 'steps']);
  const last = compileSteps(definition.finally ?? [], { ...shape, steps: steps.shapes }, context, [...path, 'finally']);
  const expired = expireSilences({ steps, last }, shape, context, path);
  const playbook: Playbook = { name: definition.name, params, steps: steps.steps, finally: [...last.steps, ...expired] };
  const used = [...steps.playbooks, ...last.playbooks];
  const depth = 1 + Math.max(0, ...used.map((each) => each.depth));
  const stepCount = playbook.steps.length + playbook.finally.length + used.reduce((sum, each) => sum + each.stepCount, 0);
  if (depth > MAX_PLAYBOOK_DEPTH)
    report([...path, 'name'], `playbooks use each other ${depth} deep; at most ${MAX_PLAYBOOK_DEPTH}`);
  if (stepCount > MAX_STEPS)
    report([...path, 'name'], `${stepCount} steps, with those of the playbooks it uses; at most ${MAX_STEPS}`);
  return {
    playbook,
    definition: {
      ...definition,
      steps: [...steps.definitions],
      ...(definition.finally === undefined ? {} : { finally: [...last.definitions] }),
    },
    uses: collectPlaybooks(used),
    depth,
    stepCount,
  };
}
