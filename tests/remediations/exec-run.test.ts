import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ExecArgument, ExecConnection } from '../../src/domain/connection.ts';
import type { Json, JsonObject } from '../../src/domain/json.ts';
import type { StepContext } from '../../src/domain/remediation.ts';
import { Secret } from '../../src/domain/secret.ts';
import { execRun } from '../../src/remediations/exec/exec-run.ts';
import { OutputTail } from '../../src/remediations/output-tail.ts';
import { createStepContext } from '../support/step-context.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'remedyd-exec-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

function connect(
  command: readonly string[],
  args: Readonly<Record<string, ExecArgument>> = {},
  more: Partial<ExecConnection> = {},
): ExecConnection {
  return {
    kind: 'exec',
    name: 'hotfix',
    command,
    args,
    timeoutMs: 20_000,
    environment: {},
    workingDirectory: directory,
    ...more,
  };
}

async function run(connection: ExecConnection, args: JsonObject = {}, overrides: Partial<StepContext> = {}) {
  const context = createStepContext(connection, overrides);
  return execRun.run(await execRun.plan({ args }, context), context);
}

function textOf(output: Json | undefined): string {
  if (typeof output !== 'string') throw new Error('the output is no text');
  return output;
}

/** A command that prints its arguments, each followed by a NUL, as they reached it. */
const PRINT_ARGUMENTS = ['/usr/bin/printf', '%s\\0'];

describe('a command', () => {
  test('gets its arguments, and gives back its output, status and time', async () => {
    const script = 'echo "{\\"id\\": \\"$1\\"}"; echo warning >&2';
    const output = await run(
      connect(['/bin/sh', '-c', script, 'hotfix', '{{ args.id }}'], { id: { type: 'string', pattern: 'FIX-[0-9]{3}' } }),
      { id: 'FIX-123' },
    );
    expect(output).toEqual({
      exit_code: 0,
      stdout: '{"id": "FIX-123"}\n',
      stderr: 'warning\n',
      truncated: false,
      json: { id: 'FIX-123' },
      took: expect.any(Number),
    });
  });

  test('is shown in the plan, and not started by it', async () => {
    const context = createStepContext(connect(['/usr/bin/touch', '{{ args.file }}'], { file: { type: 'string' } }));
    expect(await execRun.plan({ args: { file: 'a b' } }, context)).toEqual({
      summary: 'run /usr/bin/touch "a b"',
      identity: { argv: ['/usr/bin/touch', 'a b'] },
      touches: ['exec:hotfix'],
      data: { argv: ['/usr/bin/touch', 'a b'] },
    });
    expect(await readdir(directory)).toEqual([]);
  });

  test('that exits with a status other than 0 is rejected, with its last words', async () => {
    const failure = run(connect(['/bin/sh', '-c', 'echo first >&2; echo "disk is \tfull" >&2; exit 3']));
    await expect(failure).rejects.toMatchObject({
      code: 'rejected',
      happened: 'unknown',
      message: 'the command of "hotfix" exited with exit_code 3: disk is full',
    });
  });

  test('that is killed by somebody else is rejected', async () => {
    const failure = run(connect(['/bin/sh', '-c', 'kill -SEGV $$']));
    await expect(failure).rejects.toMatchObject({ code: 'rejected', message: expect.stringContaining('SIGSEGV') });
  });

  test('has a minimal environment, its own variables and the ids of the step', async () => {
    process.env.CANARY_OF_THE_DAEMON = 'secret';
    const { stdout } = await run(
      connect(['/usr/bin/env'], {}, { environment: { REGION: new Secret('eu') } }),
      {},
      { runId: 'r7', stepId: 'fix', attempt: 2 },
    );
    const names = textOf(stdout).trim().split('\n').map((line) => line.split('=')[0]).sort(); // prettier-ignore
    expect(names).toEqual(['HOME', 'LANG', 'PATH', 'REGION', 'REMEDYD_ATTEMPT', 'REMEDYD_RUN_ID', 'REMEDYD_STEP_ID']);
    expect(stdout).toMatch(/^REMEDYD_RUN_ID=r7$/m);
    expect(stdout).toMatch(/^REMEDYD_ATTEMPT=2$/m);
    delete process.env.CANARY_OF_THE_DAEMON;
  });

  test('that prints a secret of its connection has it hidden, in errors too', async () => {
    const environment = { PGPASSWORD: new Secret('canary-password'), PGPORT: new Secret('5432') };
    const output = await run(connect(['/bin/sh', '-c', 'echo $PGPASSWORD $PGPORT'], {}, { environment }));
    expect(output.stdout).toBe('[secret] 5432\n');
    const failure = run(connect(['/bin/sh', '-c', 'echo $PGPASSWORD >&2; exit 1'], {}, { environment }));
    await expect(failure).rejects.toMatchObject({ message: expect.stringMatching(/\[secret\]$/) });
  });

  test.each([
    ['/nonexistent/program', 'unavailable'],
    ['no-such-program-anywhere', 'unavailable'],
    ['/etc/passwd', 'permission_denied'],
    ['/tmp', 'permission_denied'],
  ])('that cannot be started has done nothing: %s', async (program, code) => {
    await expect(run(connect([program]))).rejects.toMatchObject({
      code,
      happened: 'nothing',
      message: expect.stringContaining(program),
    });
  });

  test('with an argument too long for the kernel has done nothing', async () => {
    const failure = run(connect([...PRINT_ARGUMENTS, '{{ args.x }}'], { x: { type: 'string' } }), { x: 'x'.repeat(3_000_000) });
    await expect(failure).rejects.toMatchObject({ code: 'invalid_value', happened: 'nothing' });
  });
});

describe('an argument', () => {
  const declared: Readonly<Record<string, ExecArgument>> = {
    id: { type: 'string', pattern: 'FIX-[0-9]{3}' },
    count: { type: 'int', min: 1, max: 10, default: '3' },
    colour: { type: 'string', enum: ['red', 'blue'], default: 'red' },
    since: { type: 'duration', default: '90m' },
    size: { type: 'bytes', default: '1KiB' },
    force: { type: 'bool', default: 'false' },
  };
  const command = [
    ...PRINT_ARGUMENTS,
    '{{ args.id }}',
    '--count={{args.count}}',
    '{{ args.colour }}',
    '{{ args.since }}',
    '{{ args.size }}',
    '{{ args.force }}',
  ];

  test('is written as the program expects it', async () => {
    const { stdout } = await run(connect(command, declared), { id: 'FIX-001', count: 7, since: '2h', force: true });
    expect(textOf(stdout).split('\0')).toEqual(['FIX-001', '--count=7', 'red', '2h', '1024', 'true', '']);
    const withDefaults = await run(connect(command, declared), { id: 'FIX-001' });
    expect(textOf(withDefaults.stdout).split('\0')).toEqual(['FIX-001', '--count=3', 'red', '1h30m', '1024', 'false', '']);
  });

  test.each([
    [{}, 'missing_value'],
    [{ id: '' }, 'missing_value'],
    [{ id: null }, 'missing_value'],
    [{ id: 'FIX-0012' }, 'invalid_value'],
    [{ id: 'FIX-001\n' }, 'invalid_value'],
    [{ id: ['FIX-001'] }, 'invalid_value'],
    [{ id: 'FIX-001', count: 11 }, 'invalid_value'],
    [{ id: 'FIX-001', count: '2; reboot' }, 'invalid_value'],
    [{ id: 'FIX-001', colour: 'green' }, 'invalid_value'],
    [{ id: 'FIX-001', since: 'yesterday' }, 'invalid_value'],
    [{ id: 'FIX-001', other: 'x' }, 'invalid_value'],
    [{ id: 'FIX-001', constructor: 'x' }, 'invalid_value'],
  ])('that does not fit its declaration is refused: %j', async (args, code) => {
    await expect(run(connect(command, declared), args)).rejects.toMatchObject({ code, happened: 'nothing' });
  });

  test.each(['-rf', '--config=/etc/shadow', '-', '-5'])('that would be a flag is refused: %s', async (value) => {
    const args: Readonly<Record<string, ExecArgument>> = { x: { type: 'string' }, empty: { type: 'string' } };
    await expect(run(connect([...PRINT_ARGUMENTS, '{{ args.x }}'], args), { x: value, empty: 'e' })).rejects.toMatchObject({
      code: 'invalid_value',
    });
    const { stdout } = await run(connect([...PRINT_ARGUMENTS, '--id={{ args.x }}'], args), { x: value, empty: 'e' });
    expect(stdout).toBe(`--id=${value}\0`);
  });

  test('with a NUL is refused', async () => {
    const failure = run(connect([...PRINT_ARGUMENTS, 'x{{ args.x }}'], { x: { type: 'string' } }), { x: 'a\0b' });
    await expect(failure).rejects.toMatchObject({ code: 'invalid_value', happened: 'nothing' });
  });

  test('that looks like a placeholder stays text', async () => {
    const args: Readonly<Record<string, ExecArgument>> = { a: { type: 'string' }, b: { type: 'string' } };
    const { stdout } = await run(connect([...PRINT_ARGUMENTS, '{{ args.a }}', '{{ args.b }}'], args), {
      a: '{{ args.b }}',
      b: '$&',
    });
    expect(stdout).toBe('{{ args.b }}\0$&\0');
  });

  test.each([
    [['/bin/echo', '{{ args.missing }}'], 'missing'],
    [['/bin/echo', '{{ labels.x }}'], 'something else'],
    [['/bin/echo', '{{ args.x | upper }}'], 'something else'],
    [[], 'empty command'],
  ])('in a command that is configured wrongly is refused: %j', async (wrong, message) => {
    const failure = run(connect(wrong, { x: { type: 'string', default: 'x' } }));
    await expect(failure).rejects.toMatchObject({ code: 'invalid_value', message: expect.stringContaining(message) });
  });
});

const X = '{{ args.x }}';

describe('code made of an argument', () => {
  test.each([
    [[X]],
    [['/bin/sh', '-c', `echo ${X}`]],
    [['bash', '-lc', X]],
    [['bash', '-o', 'pipefail', '-c', `ls ${X}`]],
    [['bash', `-c${X}`]],
    [['bash', X]],
    [['python3.11', '-c', `print("${X}")`]],
    [['python3', X]],
    [['python3', '-m', X]],
    [['node', '--eval', X]],
    [['node', `--eval=${X}`]],
    [['node', '-p', X]],
    [['perl', '-ne', X]],
    [['ruby', '-e', X]],
    [['awk', X, 'file']],
    [['sed', '-i', X, 'file']],
    [['sed', 'p', '-e', X]],
    [['env', X]],
    [['env', '-i', X, 'ls']],
    [['env', `LD_PRELOAD=${X}`, 'ls']],
    [['env', 'bash', '-c', X]],
    [['xargs', X]],
    [['xargs', '-I', 'sh', '-c', X]],
    [['timeout', '10', X]],
    [['timeout', '10', 'sh', '-c', X]],
    [['sudo', '-u', 'deploy', 'bash', '-c', X]],
    [['busybox', 'sh', '-c', X]],
    [['docker', 'exec', 'web', 'sh', '-c', X]],
    [['ssh', 'host', 'systemctl', 'restart', X]],
    [['timeout', '10', 'ssh', 'host', X]],
    [['su', '-c', X]],
    [['psql', '-c', `select '${X}'`]],
    [['mysql', `--execute=${X}`]],
  ])('is refused: %j', async (command) => {
    const context = createStepContext(connect(command, { x: { type: 'string' } }));
    await expect(execRun.plan({ args: { x: 'x' } }, context)).rejects.toMatchObject({ code: 'not_allowed', happened: 'nothing' });
  });

  test.each([
    [['/bin/sh', '-c', 'echo "$1"', '_', X]],
    [['bash', '/opt/fix.sh', '-e', X]],
    [['python3', '/opt/fix.py', '--id', X]],
    [['awk', '{ print $1 }', X]],
    [['sed', '-e', 's/a/b/', X]],
    [['env', 'REGION=eu', '/opt/fix.sh', X]],
    [['timeout', '10', '/opt/fix.sh', X]],
    [['psql', '-d', X, '-c', 'vacuum']],
    [['docker', 'restart', X]],
    [['kubectl', 'rollout', 'restart', `deployment/${X}`]],
    [['ssh', 'host', 'uptime']],
    [['/opt/fix.sh', '-c', X]],
  ])('is not what this is: %j', async (command) => {
    const context = createStepContext(connect(command, { x: { type: 'string' } }));
    expect(await execRun.plan({ args: { x: 'value' } }, context)).toMatchObject({ touches: ['exec:hotfix'] });
  });
});

const HOSTILE_VALUES = 500;

/** Shell, template and option tricks around a canary file, in many combinations. */
function createHostileValues(canary: string): readonly string[] {
  const cores = [
    `$(touch ${canary})`, `\`touch ${canary}\``, `; touch ${canary} ;`, `| touch ${canary}`, `& touch ${canary} &`, `&& touch ${canary}`, `|| touch ${canary}`,
    `\ntouch ${canary}\n`, `\r\ntouch ${canary}`, `$'\\n'touch ${canary}`, `' ; touch ${canary} ; '`, `" ; touch ${canary} ; "`, `\${IFS}touch\${IFS}${canary}`,
    `> ${canary}`, `>> ${canary}`, `2> ${canary}`, `<(touch ${canary})`, `>(touch ${canary})`, `\${x:=$(touch ${canary})}`, `((touch ${canary}))`,
  ]; // prettier-ignore
  const prefixes = [
    '',
    'x',
    ' ',
    '-',
    '--',
    "'",
    '"',
    '\\',
    '\n',
    '$',
    '{{',
    '%s',
    '‘',
    '\u202E',
    '\u0007',
    '/',
    '../',
    '~',
    '!',
    '#',
    '*',
    '=',
    '--file=',
    '-exec ',
    'a\tb',
  ];
  return cores.flatMap((core) => prefixes.map((prefix) => prefix + core)).slice(0, HOSTILE_VALUES);
}

test(`${HOSTILE_VALUES} hostile values reach the program as they are, or not at all`, async () => {
  const canary = join(directory, 'canary');
  const values = createHostileValues(canary);
  expect(values).toHaveLength(HOSTILE_VALUES);
  const connection = connect(['/bin/sh', '-c', 'printf "%s\\0" "$@"', 'sh', '{{ args.x }}', '--id={{ args.x }}'], {
    x: { type: 'string' },
  });
  let refused = 0;
  for (const value of values) {
    try {
      const { stdout } = await run(connection, { x: value });
      expect(stdout).toBe(`${value}\0--id=${value}\0`);
    } catch (error) {
      expect(error).toMatchObject({ code: 'invalid_value', happened: 'nothing' });
      expect(value.startsWith('-')).toBe(true);
      refused += 1;
    }
  }
  expect(refused).toBe(values.filter((value) => value.startsWith('-')).length);
  expect(await readdir(directory)).toEqual([]);
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Resolves with the pids that a script has written, one a line, once there are so many. */
async function readPids(file: string, count: number): Promise<readonly number[]> {
  for (;;) {
    const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n').slice(0, -1);
    if (lines.length >= count) return lines.map(Number);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A killed process whose parent is gone too is a zombie until init has waited for it. */
async function expectGone(pid: number): Promise<void> {
  for (;;) {
    if (!isRunning(pid)) return;
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z');
    if (/\) [ZX]/.test(stat)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('the end of a step', () => {
  test.each([
    ['timeout', new DOMException('late', 'TimeoutError')],
    ['aborted', new Error('cancelled')],
  ])('kills a program that ignores SIGTERM, and its children: %s', async (code, reason) => {
    const script = join(directory, 'stubborn.sh');
    const child = `trap '' TERM; echo $$ >> pids; while :; do sleep 1; done`;
    await writeFile(
      script,
      `trap '' TERM\nsh -c "${child.replaceAll('$$', '\\$\\$')}" &\necho $$ >> pids\nwhile :; do sleep 1; done\n`,
    );
    const controller = new AbortController();
    const running = run(connect(['/bin/sh', script]), {}, { signal: controller.signal });
    const pids = await readPids(join(directory, 'pids'), 2);
    expect(pids.map(isRunning)).toEqual([true, true]);
    controller.abort(reason);
    await expect(running).rejects.toMatchObject({ code, happened: 'unknown' });
    await Promise.all(pids.map(expectGone));
  });

  test('kills what a program that obeys SIGTERM has left behind', async () => {
    const script = join(directory, 'parent.sh');
    await writeFile(script, `sh -c "trap '' TERM; echo \\$\\$ >> pids; while :; do sleep 1; done" &\necho $$ >> pids\nwait\n`);
    const controller = new AbortController();
    const running = run(connect(['/bin/sh', script]), {}, { signal: controller.signal });
    const pids = await readPids(join(directory, 'pids'), 2);
    controller.abort(new Error('cancelled'));
    await expect(running).rejects.toMatchObject({ code: 'aborted' });
    await Promise.all(pids.map(expectGone));
  });

  test("comes at the connection's own timeout too", async () => {
    const failure = run(connect(['/bin/sleep', '600'], {}, { timeoutMs: 50 }));
    await expect(failure).rejects.toMatchObject({ code: 'timeout', happened: 'unknown' });
  });

  test('before the start starts nothing', async () => {
    const signal = AbortSignal.abort(new Error('cancelled'));
    await expect(run(connect(['/usr/bin/touch', 'canary']), {}, { signal })).rejects.toMatchObject({
      code: 'aborted',
      happened: 'nothing',
    });
    expect(await readdir(directory)).toEqual([]);
  });

  test('is not held up by a daemon that keeps the output open', async () => {
    const script = 'echo started; setsid sh -c "echo \\$\\$ >> pids; exec sleep 600" & while [ ! -s pids ]; do sleep 0.01; done';
    const output = await run(connect(['/bin/sh', '-c', script]));
    const [pid] = await readPids(join(directory, 'pids'), 1);
    expect(output).toMatchObject({ exit_code: 0, stdout: 'started\n' });
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  });
});

describe('the output', () => {
  test('of 1 GB is read to its end in bounded memory, and its last 64 KiB kept', async () => {
    const before = process.memoryUsage();
    const output = await run(connect(['/bin/sh', '-c', 'head -c 1000000000 /dev/zero; echo the end']), {}, { timeoutMs: 60_000 });
    const after = process.memoryUsage();
    expect(output).toMatchObject({ exit_code: 0, truncated: true, json: null, stdout: `${'\0'.repeat(65_536 - 8)}the end\n` });
    expect(after.external + after.heapUsed - before.external - before.heapUsed).toBeLessThan(200e6);
  });

  test.each([
    [10, ['abc']],
    [10, ['abcdefghij']],
    [10, ['abcdefghijk']],
    [10, ['abcdef', 'ghijkl', 'mnopqrstuvwxyz', '0123']],
    [4, ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']],
  ])('of which the last %i bytes are kept is the end of the whole: %j', (limit, chunks) => {
    const tail = new OutputTail(limit);
    for (const chunk of chunks) tail.append(Buffer.from(chunk));
    const whole = chunks.join('');
    expect(tail.toString()).toBe(whole.slice(-limit));
    expect(tail.isTruncated).toBe(whole.length > limit);
  });

  test('starts with a whole character', () => {
    const tail = new OutputTail(5);
    tail.append(Buffer.from('€€€'));
    expect(tail.toString()).toBe('€');
  });
});
