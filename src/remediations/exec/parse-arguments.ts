import type { ExecArgument, ExecConnection } from '../../domain/connection.ts';
import { formatDuration } from '../../domain/duration.ts';
import type { Json, JsonObject } from '../../domain/json.ts';
import { ParameterError, parseParameter } from '../../domain/parameter.ts';
import { matchesPattern } from '../../domain/pattern.ts';
import { StepError } from '../../domain/remediation.ts';

/**
 * The texts of a connection's declared arguments. Durations are written as `1h30m`, sizes in bytes.
 * An argument that is unknown, missing or does not fit its declaration is a `StepError`.
 */
export function parseArguments(connection: ExecConnection, given: JsonObject): ReadonlyMap<string, string> {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(connection.args, name)) {
      const known = Object.keys(connection.args).join(', ') || 'none';
      throw refuse(
        'invalid_value',
        `unknown argument "${name}" of the exec connection "${connection.name}"; known are: ${known}`,
      );
    }
  }
  return new Map(
    Object.entries(connection.args).map(([name, argument]) => [
      name,
      parseArgument(name, argument, Object.hasOwn(given, name) ? given[name] : undefined),
    ]),
  );
}

function parseArgument(name: string, argument: ExecArgument, given: Json | undefined): string {
  const value = given ?? argument.default;
  if (value === undefined) throw refuse('missing_value', `argument "${name}" is required`);
  const { type, pattern, min, max } = argument;
  const spec = {
    type,
    ...(pattern === undefined ? {} : { pattern }),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
  };
  const text = writeValue(
    type,
    parseOrRefuse(() => parseParameter(name, spec, value, matchesPattern)),
  );
  // An enum is written in the words of the command line, so it is compared there.
  if (argument.enum !== undefined && !argument.enum.includes(text)) {
    throw refuse('invalid_value', `argument "${name}" is ${JSON.stringify(value)}; expected one of ${argument.enum.join(', ')}`);
  }
  if (text.includes('\0')) throw refuse('invalid_value', `argument "${name}" holds a NUL character`);
  return text.toWellFormed();
}

function writeValue(type: ExecArgument['type'], value: Json): string {
  if (type === 'duration' && typeof value === 'number') return formatDuration(value);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function parseOrRefuse(parse: () => Json): Json {
  try {
    return parse();
  } catch (error) {
    if (error instanceof ParameterError) throw refuse(error.code, error.message.replace(/^parameter/, 'argument'));
    throw error;
  }
}

function refuse(code: 'missing_value' | 'invalid_value', message: string): StepError {
  return new StepError(code, message, { happened: 'nothing' });
}
