import { z } from 'zod';
import { UNWORDED, explainIssues } from '../schema/explain-issues.ts';
import type { Place, Problem } from '../schema/problem.ts';
import { parseYaml } from '../schema/yaml-file.ts';

/** An alert as a Prometheus rule file defines it: what is known of its labels before it fires. */
export interface DefinedAlert extends Place {
  readonly file: string;
  readonly name: string;
  /** Labels with a fixed value. Those with a template, and those of the expression, are not known. */
  readonly labels: ReadonlyMap<string, string>;
}

const fileSchema = z.looseObject({
  groups: z.array(
    z.looseObject({
      labels: z.record(z.string(), z.coerce.string()).nullish(),
      rules: z
        .array(z.looseObject({ alert: z.string().optional(), labels: z.record(z.string(), z.coerce.string()).nullish() }))
        .nullish(),
    }),
  ),
});

/** The alerts of a Prometheus rule file, or what is wrong with it. */
export function parsePrometheusAlerts(
  file: string,
  source: string,
): { readonly alerts: readonly DefinedAlert[]; readonly problems: readonly Problem[] } {
  const read = parseYaml(file, source);
  if ('problems' in read) return { alerts: [], problems: read.problems };
  const parsed = fileSchema.safeParse(read.yaml.value, UNWORDED);
  if (!parsed.success) return { alerts: [], problems: explainIssues(read.yaml, fileSchema, parsed.error.issues) };
  const alerts = parsed.data.groups.flatMap((group, groupIndex) =>
    (group.rules ?? []).flatMap(({ alert, labels }, index): readonly DefinedAlert[] => {
      if (alert === undefined) return [];
      const place = read.yaml.placeOf(['groups', groupIndex, 'rules', index, 'alert']);
      return [{ file, ...place, name: alert, labels: fixedLabels({ ...group.labels, ...labels }) }];
    }),
  );
  return { alerts, problems: [] };
}

function fixedLabels(labels: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(labels).filter(([, value]) => !value.includes('{{')));
}
