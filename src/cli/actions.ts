import type { AnyRemediation } from '../domain/remediation.ts';
import type { ParameterSpec } from '../domain/parameter.ts';
import { remediations } from '../remediations/index.ts';
import { CliError } from './cli-error.ts';
import { describeEffect, effectsOf, formatWord } from './describe-effect.ts';
import { formatTable } from './print-incident.ts';

type Output = (text: string) => void;

/** The catalogue, made from the code: all remediations, or one with everything about it. */
export function printActions(name: string | undefined, options: { readonly json?: boolean }, print: Output): void {
  if (name === undefined) {
    const all = [...remediations.values()];
    if (options.json === true) return print(JSON.stringify({ actions: all.map(describe) }, null, 2));
    return print(
      formatTable(
        ['NAME', 'EFFECT', 'WHAT IT DOES'],
        all.map((remediation) => [remediation.name, effectsOf(remediation), remediation.summary]),
      ),
    );
  }
  const remediation = remediations.get(name);
  if (remediation === undefined)
    throw new CliError(1, `there is no remediation ${name}; the names are: ${[...remediations.keys()].join(', ')}`);
  print(options.json === true ? JSON.stringify(describe(remediation), null, 2) : formatAction(remediation));
}

function describe(remediation: AnyRemediation) {
  const { name, summary, notes, connection, params, outputs, example, inDoubt } = remediation;
  return {
    name,
    summary,
    effect: describeEffect(remediation),
    in_doubt: inDoubt,
    connection: connection ?? null,
    params,
    outputs,
    example,
    notes,
  };
}

function formatAction(remediation: AnyRemediation): string {
  const lines = [
    remediation.name,
    `  ${remediation.summary}`,
    '',
    `  effect      ${describeEffect(remediation)}`,
    `  in doubt    ${remediation.inDoubt}`,
    `  connection  ${remediation.connection ?? 'none'}`,
    '',
    'PARAMETERS',
    ...section(Object.entries(remediation.params).map(([name, spec]) => [name, spec.type, describeSpec(spec)])),
    '',
    'OUTPUTS',
    ...section(Object.entries(remediation.outputs).map(([name, spec]) => [name, spec.type, spec.description])),
    '',
    'EXAMPLE OUTPUT',
    `  ${JSON.stringify(remediation.example)}`,
    '',
    'NOTES',
    ...remediation.notes.split('\n').map((line) => `  ${line}`.trimEnd()),
  ];
  return lines.join('\n');
}

function section(rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return ['  none'];
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    `  ${(row[0] ?? '').padEnd(widths[0] ?? 0)}  ${(row[1] ?? '').padEnd(widths[1] ?? 0)}  ${row[2] ?? ''}`.trimEnd(),
  );
}

function describeSpec(spec: ParameterSpec): string {
  const facts = [
    spec.required === true ? 'required' : undefined,
    spec.default === undefined ? undefined : `default ${JSON.stringify(spec.default)}`,
    spec.enum === undefined ? undefined : `one of ${spec.enum.map(formatWord).join(', ')}`,
    spec.min === undefined ? undefined : `at least ${spec.min}`,
    spec.max === undefined ? undefined : `at most ${spec.max}`,
    spec.pattern === undefined ? undefined : `matches ${spec.pattern}`,
  ].filter((fact) => fact !== undefined);
  return [spec.description ?? '', ...(facts.length === 0 ? [] : [`(${facts.join('; ')})`])].join(' ').trim();
}
