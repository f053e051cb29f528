import type { ExecConnection } from '../../domain/connection.ts';
import type { JsonObject } from '../../domain/json.ts';
import { StepError } from '../../domain/remediation.ts';
import { parseArguments } from './parse-arguments.ts';
import { fillPlaceholders, hasPlaceholder, removePlaceholders } from './placeholder.ts';
import { refuseInlineCode } from './refuse-inline-code.ts';

/**
 * The program and its arguments, with the given values in their places: each value stays inside its argument, and none
 * becomes a flag or code. Fails with `missing_value`, `invalid_value` or `not_allowed`.
 */
export function renderCommand(connection: ExecConnection, given: JsonObject): readonly string[] {
  const mistaken = connection.command.find((item) => hasPlaceholder(removePlaceholders(item)));
  if (mistaken !== undefined) {
    throw refuse(`"${mistaken}" in the command of "${connection.name}" holds something else than {{ args.NAME }}`);
  }
  if (connection.command.length === 0) throw refuse(`the exec connection "${connection.name}" has an empty command`);
  refuseInlineCode(connection.command, connection.name);

  const values = parseArguments(connection, given);
  return connection.command.map((item) => {
    const rendered = fillPlaceholders(item, (name) => {
      const value = values.get(name);
      if (value === undefined)
        throw refuse(`the command of "${connection.name}" uses "args.${name}", which is not declared in \`args\``);
      return value;
    });
    // The program would take it for a flag.
    if (rendered.startsWith('-') && !item.startsWith('-')) throw refuse(`the value for "${item}" starts with "-"`);
    return rendered;
  });
}

function refuse(message: string): StepError {
  return new StepError('invalid_value', message, { happened: 'nothing' });
}
