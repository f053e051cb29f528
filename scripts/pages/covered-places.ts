/** A place of a rule file that answers rows of the coverage: a rule, or a key of the file such as `severities`. */
export interface CoveredPlace {
  readonly kind: 'rule' | 'key';
  readonly name: string;
  readonly rows: readonly string[];
}

const RULE = /^\s*- name: (?<name>[a-z0-9-]+)\s+#(?<comment>.*)$/;
const KEY = /^\s*(?<name>[a-z_]+):.*?\s#(?<comment>.*)$/;
// The rows stand first in the comment: `# D4, D7: why`.
const ROWS = /^\s*(?<rows>[A-Z]\d+(?:, [A-Z]\d+)*)(?::.*)?$/;

/** What the comments of a rule file say of the rows that it answers. */
export function coveredPlaces(ruleFile: string): readonly CoveredPlace[] {
  return ruleFile.split('\n').flatMap((line) => {
    const rule = RULE.exec(line)?.groups;
    const { name, comment } = rule ?? KEY.exec(line)?.groups ?? {};
    const rows = comment === undefined ? undefined : ROWS.exec(comment)?.groups?.['rows'];
    if (name === undefined || rows === undefined) return [];
    return [{ kind: rule === undefined ? 'key' : 'rule', name, rows: rows.split(', ') } as const];
  });
}
