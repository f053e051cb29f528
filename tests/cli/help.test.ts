import type { Command } from 'commander';
import { buildProgram } from '../../src/cli/program.ts';

function helpsOf(command: Command): readonly string[] {
  return [command.helpInformation(), ...command.commands.flatMap(helpsOf)];
}

describe('the help', () => {
  it('names the token of the environment, and never shows it', () => {
    const env = { REMEDYD_TOKEN: 'canary-of-the-api-token' };
    const program = buildProgram({ env, workingDirectory: '/', print: () => undefined }, () => undefined);
    const help = helpsOf(program).join('\n');
    expect(help).toContain('REMEDYD_TOKEN');
    expect(help).not.toContain(env.REMEDYD_TOKEN);
  });
});
