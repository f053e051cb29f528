// Runs Jest with the arguments it is given, and prints `N passed, N failed, N skipped` as the last line.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';

const jestResult = z.object({
  success: z.boolean(),
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numRuntimeErrorTestSuites: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
});

const folder = mkdtempSync(join(tmpdir(), 'remedyd-jest-'));
try {
  process.exitCode = await runTests(process.argv.slice(2), join(folder, 'result.json'));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function runTests(args: readonly string[], resultFile: string): Promise<number> {
  const jest = join(import.meta.dirname, '../node_modules/jest/bin/jest.js');
  const options = ['--no-warnings=ExperimentalWarning', '--experimental-vm-modules'];
  const child = spawn(process.execPath, [...options, jest, '--json', `--outputFile=${resultFile}`, ...args], {
    stdio: 'inherit',
    // What one daemon compiled, the hundreds after it need not compile again.
    env: { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compile-cache') },
  });
  // Jest is told by the terminal as well; it must end first, so that it stops its servers.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  const [code] = (await once(child, 'exit')) as [number | null];
  if (!existsSync(resultFile)) {
    console.error('Jest ended without a result');
    console.log('0 passed, 0 failed, 0 skipped');
    return code === null || code === 0 ? 1 : code;
  }
  const result = jestResult.parse(JSON.parse(readFileSync(resultFile, 'utf8')));
  // A test file that cannot even be loaded counts as one failed test.
  const failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
  const skipped = result.numPendingTests + result.numTodoTests;
  if (result.numPassedTests + failed === 0) {
    console.error('No test ran, which proves nothing');
  }
  console.log(`${result.numPassedTests} passed, ${failed} failed, ${skipped} skipped`);
  return code === 0 && result.success && failed === 0 && result.numPassedTests > 0 ? 0 : 1;
}
