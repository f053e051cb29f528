import { homedir } from 'node:os';
import type { ExecConnection } from '../../domain/connection.ts';
import type { Json } from '../../domain/json.ts';
import { defineRemediation, StepError, type StepContext } from '../../domain/remediation.ts';
import { hideSecrets } from '../hide-secrets.ts';
import { parseJsonOutput } from '../parse-json-output.ts';
import { quoteLine } from '../quote-line.ts';
import { runProcess, type ProcessResult } from '../run-process.ts';
import { renderCommand } from './render-command.ts';

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The program and its arguments, as they are started. */
interface CommandData {
  readonly [key: string]: Json;
  readonly argv: readonly string[];
}

/** Runs the configured command of an exec connection. */
export const execRun = defineRemediation({
  name: 'exec.run',
  summary: "Runs the connection's command with typed arguments, without a shell, and captures its output.",
  notes: [
    'Least privilege: the command is fixed in the configuration, by absolute path, owned by root; rules only fill in the declared `args`, each as narrow as its `pattern` or `enum`. A value is never read by a shell, and one that would start an argument with `-` is refused. So is a command that would put a value into code (`sh -c`, `python -c`, `ssh host …`): use a script that takes it as an argument.',
    'An exit status other than 0 fails the step. What it had done by then is unknown, so it is not retried by itself, and after a crash or a timeout a person is asked: the program is told `REMEDYD_RUN_ID`, `REMEDYD_STEP_ID` and `REMEDYD_ATTEMPT`, to notice a second call by itself.',
    "At the timeout the whole process group gets SIGTERM, two seconds later SIGKILL; a process that has left its group (`setsid`) goes on. The connection's own `timeout` counts beside the step's. After a normal end, processes in the background are left alone, but have to redirect their output.",
    'The environment holds `PATH`, `HOME`, `LANG=C.UTF-8`, those three and what the connection sets. Secrets belong there, not into the command; printed ones are replaced by `[secret]`.',
  ].join('\n\n'),
  connection: 'exec',
  params: {
    args: {
      type: 'map',
      default: {},
      description: 'Values for `{{ args.NAME }}` in the command. Durations are given to it as `1h30m`, sizes in bytes.',
    },
  },
  outputs: {
    exit_code: { type: 'int', description: 'The exit status: 0, since any other fails the step.' },
    stdout: { type: 'string', description: 'The last 64 KiB of standard output.' },
    stderr: { type: 'string', description: 'The last 64 KiB of standard error.' },
    truncated: { type: 'bool', description: 'Whether either was longer than that.' },
    json: {
      type: 'any',
      description: 'Standard output as data; null when it is not JSON, is truncated, or nests deeper than 64 levels.',
    },
    took: { type: 'duration', description: 'How long the command ran.' },
  },
  example: { exit_code: 0, stdout: 'applied FIX-123\n', stderr: '', truncated: false, json: null, took: 1_200 },
  effect: () => 'change',
  inDoubt: 'ask',

  // The checks throw: async turns that into a rejection.
  async plan(params, { connection }) {
    const argv = renderCommand(connection, params.args);
    const data: CommandData = { argv };
    return Promise.resolve({
      summary: `run ${argv.map(quoteArgument).join(' ')}`,
      identity: { argv },
      touches: [`exec:${connection.name}`],
      data,
    });
  },

  async run(plan, context) {
    const { connection, clock } = context;
    using limit = clock.timeout(connection.timeoutMs, context.signal);
    const startedAt = clock.monotonic();
    const request = {
      argv: plan.data.argv,
      environment: createEnvironment(context),
      workingDirectory: connection.workingDirectory,
    };
    const result = await runProcess(request, clock, limit.signal);
    const took = Math.round(clock.monotonic() - startedAt);
    const clean = (text: string): string => hideSecrets(text, Object.values(connection.environment));
    const [stdout, stderr] = [clean(result.stdout.toString()), clean(result.stderr.toString())];
    if (result.exitCode !== 0) throw createExitError(connection, result, stderr);
    return {
      exit_code: result.exitCode,
      stdout,
      stderr,
      truncated: result.stdout.isTruncated || result.stderr.isTruncated,
      json: result.stdout.isTruncated ? null : parseJsonOutput(stdout),
      took,
    };
  },
});

/** Nothing of our own environment, which holds our secrets. */
function createEnvironment(context: StepContext<'exec'>): Readonly<Record<string, string>> {
  const configured = Object.entries(context.connection.environment).map(([name, value]) => [name, value.reveal()] as const);
  return {
    PATH,
    HOME: homedir(),
    LANG: 'C.UTF-8',
    ...Object.fromEntries(configured),
    REMEDYD_RUN_ID: context.runId,
    REMEDYD_STEP_ID: context.stepId,
    REMEDYD_ATTEMPT: String(context.attempt),
  };
}

function createExitError(connection: ExecConnection, result: ProcessResult, stderr: string): StepError {
  const end =
    result.exitCode === null ? `was killed by ${result.signalName ?? 'a signal'}` : `exited with exit_code ${result.exitCode}`;
  const lastLine = quoteLine(stderr.trimEnd().split('\n').at(-1) ?? '');
  const message = `the command of "${connection.name}" ${end}${lastLine === '' ? '' : `: ${lastLine}`}`;
  return new StepError('rejected', message, { happened: 'unknown' });
}

function quoteArgument(item: string): string {
  return /^[\w./:=@%+,-]+$/.test(item) ? item : JSON.stringify(item);
}
