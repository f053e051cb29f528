import { basename } from 'node:path';
import { StepError } from '../../domain/remediation.ts';
import { hasPlaceholder } from './placeholder.ts';

const INTERPRETER =
  /^((ba|da|a|z|k|mk|c|tc)?sh|fish|pwsh|python[\d.]*|pypy[\d.]*|node|nodejs|deno|bun|perl[\d.]*|ruby[\d.]*|php[\d.]*|lua[\d.]*|tclsh|expect|[gmn]?awk|sed)$/;
const SQL_CLIENT = /^(psql|mysql|mariadb|sqlite3)$/;
const CODE_FLAG = /^(-[a-z]*[cepr]|--(eval|print|command|expression|run))(=.*)?$/i;
const SQL_FLAG = /^(-\w*[ce]|--(command|execute|cmd)|-cmd)(=.*)?$/;
/** They run the program that is named among their own arguments. */
const WRAPPER =
  /^(env|xargs|nice|ionice|nohup|timeout|sudo|doas|setsid|stdbuf|chroot|nsenter|unshare|flock|time|busybox|npx|systemd-run|docker|podman|kubectl)$/;
/** Flags, variables and times of a wrapper, before the program. */
const WRAPPER_SETTING = /^(-.*|\w+=.*|[\d.]+[smhd]?)$/;
/** They hand their arguments to a shell, joined to one text. */
const SHELL_FEEDER = /^(ssh|rsh|su|runuser|eval|watch|parallel|script)$/;

/**
 * Refuses a command in which the value of an argument would be read as program text: `sh -c '… {{ args.x }}'`,
 * `python {{ args.x }}`, `env {{ args.x }}`, `ssh host restart {{ args.x }}`. Fails with `not_allowed`.
 */
export function refuseInlineCode(command: readonly string[], connection: string): void {
  const program = basename(command[0] ?? '');
  const refuse = (why: string): never => {
    const message = `the command of the exec connection "${connection}" ${why}; put it into a script that takes the value as an argument`;
    throw new StepError('not_allowed', message, { happened: 'nothing' });
  };
  if (command.length > 0 && hasPlaceholder(command[0] ?? '')) return refuse('takes its program from an argument');
  if (!command.some(hasPlaceholder)) return;
  if (SHELL_FEEDER.test(program)) return refuse(`puts an argument into text that ${program} gives to a shell`);

  const wrapped = WRAPPER.test(program) ? findWrapped(command) : 0;
  if (wrapped === undefined) return refuse(`lets an argument choose what ${program} runs`);
  const inner = basename(command[wrapped] ?? '');
  const items = command.slice(wrapped + 1);
  if (SHELL_FEEDER.test(inner)) return refuse(`puts an argument into text that ${inner} gives to a shell`);
  const isCode =
    (INTERPRETER.test(inner) && takesScript(inner, items)) || (SQL_CLIENT.test(inner) && followsFlag(SQL_FLAG, items));
  if (isCode) return refuse(`puts an argument into code that ${inner} runs`);
}

/** The place of the program that a wrapper runs; `undefined` when an argument stands before it is certain. */
function findWrapped(command: readonly string[]): number | undefined {
  const firstPlaceholder = command.findIndex(hasPlaceholder);
  const fixed = command.slice(0, firstPlaceholder);
  const isProgram = (item: string): boolean =>
    [INTERPRETER, SHELL_FEEDER, SQL_CLIENT].some((names) => names.test(basename(item)));
  const interpreter = fixed.findIndex((item, index) => index > 0 && isProgram(item));
  if (interpreter !== -1) return interpreter;
  const operand = fixed.findIndex((item, index) => index > 0 && !WRAPPER_SETTING.test(item));
  return operand === -1 ? undefined : operand;
}

/** Whether a placeholder is the code or the script, or could be. */
function takesScript(interpreter: string, items: readonly string[]): boolean {
  const script = items.findIndex((item) => !item.startsWith('-'));
  // What follows a script is data; only sed looks for flags behind it.
  if (script === 0 && interpreter !== 'sed') return hasPlaceholder(items[0] ?? '');
  const isBeforeScript = items.slice(0, script === -1 ? items.length : script + 1).some(hasPlaceholder);
  return isBeforeScript || followsFlag(CODE_FLAG, items);
}

function followsFlag(flag: RegExp, items: readonly string[]): boolean {
  return items.some((item, index) => flag.test(item) && (hasPlaceholder(item) || hasPlaceholder(items[index + 1] ?? '')));
}
