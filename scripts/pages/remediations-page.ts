import { describeEffect, effectsOf, formatWord } from '../../src/cli/describe-effect.ts';
import type { ParameterSpec } from '../../src/domain/parameter.ts';
import type { AnyRemediation, InDoubt } from '../../src/domain/remediation.ts';
import { anchorOf } from './anchor-of.ts';
import { markdownTable } from './markdown-table.ts';

const IN_DOUBT: Readonly<Record<InDoubt, string>> = {
  repeat: 'its acting call guards itself, so it is safe to repeat',
  look: 'it looks whether the change has happened, and then goes on or repeats it',
  ask: 'nobody can tell whether it happened: the run ends `interrupted` and a person decides',
};

/** The catalogue of remediations as a page. */
export function remediationsPage(all: readonly AnyRemediation[]): string {
  return [
    '# Remediations',
    '<!-- Made from the code by `npm run generate`. -->',
    'What a step can `uses`. `remedyd actions NAME` prints the same. Effects: `read` changes nothing, `change` changes something, `destructive` loses data or cannot be undone. “In doubt” is what happens to a change that was under way when the daemon died or the time of its step was up; see [crashes](how-it-decides.md#crashes-and-doubt). Durations in outputs are milliseconds in JSON, and durations in expressions.',
    markdownTable(
      ['Name', 'Effect', 'What it does'],
      all.map((each) => [`[\`${each.name}\`](#${anchorOf(each.name)})`, effectsOf(each), each.summary]),
    ),
    ...all.map(section),
  ].join('\n\n');
}

function section(remediation: AnyRemediation): string {
  const { name, summary, notes, connection, params, outputs, example, inDoubt } = remediation;
  const isRead = effectsOf(remediation) === 'read';
  const facts = [
    `Effect: ${describeEffect(remediation)}.`,
    connection === undefined ? 'Connection: none.' : `Connection: [\`${connection}\`](configuration.md#connections).`,
    ...(isRead ? [] : [`In doubt: \`${inDoubt}\`: ${IN_DOUBT[inDoubt]}.`]),
  ];
  return [
    `## ${name}`,
    summary,
    facts.map((fact) => `- ${fact}`).join('\n'),
    ...(Object.keys(params).length === 0
      ? ['No parameters.']
      : [
          markdownTable(
            ['Parameter', 'Type', 'Meaning'],
            Object.entries(params).map(([key, spec]) => [`\`${key}\``, spec.type, describeParameter(spec)]),
          ),
        ]),
    markdownTable(
      ['Output', 'Type', 'Meaning'],
      Object.entries(outputs).map(([key, spec]) => [`\`${key}\``, spec.type, spec.description]),
    ),
    `Example output:\n\n\`\`\`json\n${JSON.stringify(example)}\n\`\`\``,
    notes,
  ].join('\n\n');
}

function describeParameter(spec: ParameterSpec): string {
  const facts = [
    spec.required === true ? 'required' : undefined,
    spec.default === undefined ? undefined : `default \`${JSON.stringify(spec.default)}\``,
    spec.enum === undefined ? undefined : `one of ${spec.enum.map((value) => `\`${formatWord(value)}\``).join(', ')}`,
    spec.min === undefined ? undefined : `at least ${spec.min}${unitOf(spec)}`,
    spec.max === undefined ? undefined : `at most ${spec.max}${unitOf(spec)}`,
    spec.pattern === undefined ? undefined : `matches \`${spec.pattern}\``,
  ].filter((fact) => fact !== undefined);
  return [spec.description ?? '', ...(facts.length === 0 ? [] : [`(${facts.join('; ')})`])].join(' ').trim();
}

function unitOf({ type }: ParameterSpec): string {
  return type === 'duration' ? ' ms' : type === 'bytes' ? ' bytes' : '';
}
