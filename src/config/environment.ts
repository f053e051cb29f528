import type { Problem } from '../schema/problem.ts';
import type { YamlFile, YamlPath } from '../schema/yaml-file.ts';

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment of this process. Read once, at its edge, and passed on. */
export function processEnvironment(): Environment {
  return process.env;
}

/** A file's value with something in it replaced, what could not be, and where: what else is wrong there follows from it. */
export interface Substituted {
  readonly value: unknown;
  readonly problems: readonly Problem[];
  readonly unresolved: readonly YamlPath[];
}

const MAX_PROBLEMS = 500;
const REFERENCE = /\$(\$\{)|\$\{([^}]*)(\}?)/g;

/**
 * Replaces `${NAME}` and `${NAME:-default}` in all texts of a file (not in keys); the default counts when the variable is unset or empty.
 * `$${` stands for `${`. A text without quotes that is one single reference may become a number or a boolean, as if it had been written there.
 */
export function substituteEnvironment(yaml: YamlFile, environment: Environment): Substituted {
  const problems: Problem[] = [];
  const unresolved: YamlPath[] = [];
  const substitute = (value: unknown, path: YamlPath): unknown => {
    if (typeof value === 'string') return substituteText(value, path);
    if (Array.isArray(value)) return value.map((item, index) => substitute(item, [...path, index]));
    if (typeof value !== 'object' || value === null) return value;
    const copy = Object.create(null) as Record<string, unknown>;
    for (const [key, item] of Object.entries(value)) copy[key] = substitute(item, [...path, key]);
    return copy;
  };
  const substituteText = (text: string, path: YamlPath): unknown => {
    if (!text.includes('${')) return text;
    const { replaced, fault } = replaceReferences(text, environment);
    if (fault !== undefined && problems.length < MAX_PROBLEMS) {
      unresolved.push(path);
      problems.push(yaml.problem(path, fault.message, { at: fault.offset }));
    }
    const isWhole = /^\$\{[^}]*\}$/.test(text);
    return isWhole && yaml.isPlain(path) ? readPlain(replaced) : replaced;
  };
  return { value: substitute(yaml.value, []), problems, unresolved };
}

/** A text with its references replaced, and the first that could not be. */
function replaceReferences(
  text: string,
  environment: Environment,
): { readonly replaced: string; readonly fault: { readonly message: string; readonly offset: number } | undefined } {
  let fault: { readonly message: string; readonly offset: number } | undefined;
  const replaced = text.replaceAll(
    REFERENCE,
    (_, escaped: string | undefined, reference: string | undefined, end: string | undefined, offset: number) => {
      if (escaped !== undefined) return '${';
      const value =
        end === '' ? { fault: 'a ${ without its }; write $${ where the text has a ${' } : resolve(reference ?? '', environment);
      if ('text' in value) return value.text;
      fault ??= { message: value.fault, offset };
      return '';
    },
  );
  return { replaced, fault };
}

function resolve(reference: string, environment: Environment): { readonly text: string } | { readonly fault: string } {
  const [, name, fallback] = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(reference) ?? [];
  if (name === undefined) return { fault: 'expected ${NAME} or ${NAME:-default}; write $${ where the text has a ${' };
  const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
  if (fallback !== undefined) return { text: value === undefined || value === '' ? fallback : value };
  return value === undefined
    ? { fault: `the environment variable ${name} is not set; set it, or write \${${name}:-default}` }
    : { text: value };
}

/** What YAML would have made of it: only where nothing is lost, so that a secret of digits keeps them all. */
function readPlain(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?\d+$/.test(text) && Number.isSafeInteger(Number(text)) && String(Number(text)) === text ? Number(text) : text;
}
