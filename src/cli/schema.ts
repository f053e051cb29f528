import { configJsonSchema } from '../config/config-json-schema.ts';
import { rulesJsonSchema, testsJsonSchema } from '../rules/json-schemas.ts';
import { CliError } from './cli-error.ts';

const SCHEMAS: Readonly<Record<string, () => unknown>> = {
  rules: rulesJsonSchema,
  config: configJsonSchema,
  tests: testsJsonSchema,
};

/** Prints one of the JSON Schemas. */
export function printSchema(of: string, print: (text: string) => void): void {
  const make = Object.hasOwn(SCHEMAS, of) ? SCHEMAS[of] : undefined;
  if (make === undefined)
    throw new CliError(2, `there is no schema of ${JSON.stringify(of)}; there are: ${Object.keys(SCHEMAS).join(', ')}`);
  print(JSON.stringify(make(), null, 2));
}
