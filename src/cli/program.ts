import { Command, CommanderError, Option } from 'commander';
import type { Environment } from '../config/environment.ts';
import { readVersion } from '../version.ts';
import type { CheckOptions } from './check.ts';
import { CliError } from './cli-error.ts';
import type { ExplainOptions } from './explain.ts';
import type { ActionOptions, CreateOptions, ListOptions } from './incident.ts';
import type { NotificationListOptions } from './notifications.ts';
import { collect, type ApiOptions } from './options.ts';
import type { RunOptions } from './dry-run.ts';
import type { WorldSource } from './load-world.ts';
import type { ReportOptions } from './report.ts';
import type { PauseOptions } from './switches.ts';
import type { TestOptions } from './test.ts';

const DEFAULT_URL = 'http://127.0.0.1:9099';

/** Commands that later versions have; each says so instead of pretending. */
const LATER: Readonly<Record<string, string>> = {
  backtest: 'runs rules over recorded alerts',
};

/** What every command that reads the configuration takes. */
interface ConfigOption {
  readonly config?: string;
}

interface World {
  readonly env: Environment;
  readonly workingDirectory: string;
  readonly print: (text: string) => void;
}

// Each command is imported when it is run: the daemon is ready sooner without those that it does not need.

/** Runs one command. Returns the exit status: 0 done, 1 the answer is no, 2 wrong usage. */
export async function runProgram(args: readonly string[], env: Environment): Promise<number> {
  let exitCode = 0;
  const print = (text: string): void => void process.stdout.write(`${text}\n`);
  const program = buildProgram({ env, workingDirectory: process.cwd(), print }, (code) => (exitCode = code));
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has already written what is wrong; help and version end with status 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const isOurs = error instanceof CliError;
    process.stderr.write(`remedyd: ${isOurs ? error.message : describe(error)}\n`);
    return isOurs ? error.exitCode : 1;
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The commands with their arguments and options. Building them runs nothing. */
export function buildProgram({ env, workingDirectory, print }: World, setExitCode: (code: number) => void): Command {
  const program = new Command('remedyd')
    .description('Auto-remediation for Alertmanager: matches alerts against rules, runs playbooks, and checks that they helped.')
    .version(readVersion())
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError('(run with --help for the options)');

  const local = (command: Command): Command =>
    command.option('-c, --config <file>', 'configuration; default: remedyd.yml, if there is one');
  const remote = (command: Command): Command =>
    command
      .option('--url <url>', 'the daemon', env['REMEDYD_URL'] ?? DEFAULT_URL)
      .addOption(new Option('--token <token>', 'an API token').default(env['REMEDYD_TOKEN'], 'REMEDYD_TOKEN of the environment'))
      .option('--json', 'for machines');
  const source = (options: ConfigOption): WorldSource => ({ configFile: options.config, environment: env, workingDirectory });

  local(program.command('serve'))
    .description('the daemon')
    .action(async (options: ConfigOption) => (await import('./serve.ts')).serve(source(options)));

  local(program.command('check'))
    .description('lints configuration and rules: every problem with its place')
    .argument('[path...]', 'rule files and folders instead of the configured ones')
    .option('--prometheus-rules <file...>', 'also finds rules that no alert can reach and alerts that no rule answers')
    .option('--alertmanager-config <file>', 'also looks at how alerts are routed')
    .option('--json', 'for machines')
    .action(async (paths: string[], options: CheckOptions & ConfigOption) =>
      setExitCode(await (await import('./check.ts')).checkRules(paths, options, source(options), print)),
    );

  program
    .command('test')
    .description('runs rule tests (*.test.yml): the real decisions on a virtual clock, nothing is touched')
    .argument('[path...]', 'files and folders of tests; default: rules')
    .option('-c, --config <file>', 'configuration for tests that name none')
    .option('--filter <text>', 'only tests with this in their name; /…/ is a regular expression')
    .option('--junit <file>', 'also writes the results as JUnit XML')
    .option('--json', 'for machines')
    .action(async (paths: string[], options: TestOptions) =>
      setExitCode(await (await import('./test.ts')).testRules(paths, options, env, print)),
    );

  local(program.command('explain'))
    .description('what every rule says of an alert, and why; nothing is run')
    .option('--rules <path...>', 'rule files and folders instead of the configured ones')
    .option('--label <name=value>', 'a label of the alert', collect, [])
    .option('--payload <file>', 'a webhook of Alertmanager; - for standard input')
    .option('--json', 'for machines')
    .action(async (options: ExplainOptions & ConfigOption) =>
      (await import('./explain.ts')).explain(options, source(options), print),
    );

  remote(local(program.command('run')))
    .description('runs a rule by hand, on the daemon; with --dry-run a rule or a playbook, here, changing nothing')
    .argument('<name>', 'a rule, or for a dry run a playbook')
    .option('--param <name=value>', 'a parameter', collect, [])
    .option('--label <name=value>', 'a label of the alert that the rule would have', collect, [])
    .option('--target <target>', 'the target')
    .option('--dry-run', 'reads, plans, and changes nothing')
    .action(async (name: string, options: RunOptions & ApiOptions & ConfigOption) =>
      setExitCode(
        options.dryRun === true
          ? await (await import('./dry-run.ts')).dryRunByHand(name, options, source(options), print)
          : await (await import('./run.ts')).runOnDaemon(name, options, print),
      ),
    );

  addIncidentCommands(program.command('incident').description('what happened, and what to do about it'), remote, print);

  remote(program.command('pause'))
    .description('starts nothing new')
    .option('--for <duration>', 'resumes by itself after this, e.g. 4h')
    .option('--reason <text>', 'why')
    .action(async (options: PauseOptions) => (await import('./switches.ts')).pauseDaemon(options, print));
  remote(program.command('resume'))
    .description('ends a pause')
    .action(async (options: ApiOptions) => (await import('./switches.ts')).resumeDaemon(options, print));

  const breaker = program.command('breaker').description('rules that failed too often');
  remote(breaker.command('list'))
    .description('all that ever opened')
    .action(async (options: ApiOptions) => (await import('./switches.ts')).listBreakers(options, print));
  remote(breaker.command('rearm'))
    .description('lets a rule act again')
    .argument('<rule>')
    .action(async (rule: string, options: ApiOptions) => (await import('./switches.ts')).rearmBreaker(rule, options, print));

  const notifications = program.command('notifications').description('what people were told, and what they are owed');
  remote(notifications.command('list'))
    .description('the newest first')
    .option('--state <state>', 'dead (given up) or waiting')
    .option('--incident <id>', 'only those of this incident')
    .option('--limit <number>', 'how many', '100')
    .action(async (options: NotificationListOptions) => (await import('./notifications.ts')).listNotifications(options, print));
  remote(notifications.command('retry'))
    .description('tries one again now, also one that was given up')
    .argument('<id>')
    .action(async (id: string, options: ApiOptions) =>
      (await import('./notifications.ts')).retryNotification(id, options, print),
    );

  remote(program.command('report'))
    .description('how effective the rules were: what helped, what came back, what was held back and why')
    .option('--since <duration>', 'how far back, e.g. 24h', '7d')
    .action(async (options: ReportOptions) => (await import('./report.ts')).printReport(options, print));

  const store = program.command('store').description('the file that everything is kept in');
  local(store.command('check'))
    .description('reads it all, beside a running daemon too: whether the file is sound, and the audit log as it was written')
    .action(async (options: ConfigOption) =>
      setExitCode(await (await import('./store.ts')).checkStoreOf(source(options), print)),
    );

  program
    .command('actions')
    .description('the catalogue of remediations: parameters, outputs, effect, what it does in doubt')
    .argument('[name]')
    .option('--json', 'for machines')
    .action(async (name: string | undefined, options: { json?: boolean }) =>
      (await import('./actions.ts')).printActions(name, options, print),
    );
  program
    .command('schema')
    .description('a JSON Schema, for editors')
    .argument('<of>', 'rules, config or tests')
    .action(async (of: string) => (await import('./schema.ts')).printSchema(of, print));

  program
    .command('demo')
    .description('a sick system, its alerts, and their repair, on one screen, with nothing to configure')
    .action(async () => setExitCode(await (await import('./demo.ts')).runDemo(print)));

  for (const [name, description] of Object.entries(LATER)) {
    program
      .command(name)
      .description(`${description} (not available in this version)`)
      .allowUnknownOption()
      .argument('[args...]')
      .action(() => {
        throw new CliError(2, `${name} is not available in this version`);
      });
  }
  return program;
}

function addIncidentCommands(incident: Command, remote: (command: Command) => Command, print: (text: string) => void): void {
  remote(incident.command('list'))
    .description('the newest first')
    .option('--status <status>', 'open, triggered, acknowledged or resolved')
    .option('--rule <rule>')
    .option('--limit <number>', 'how many', '50')
    .option('--cursor <cursor>', 'where the last page ended')
    .action(async (options: ListOptions) => (await import('./incident.ts')).listIncidents(options, print));
  remote(incident.command('show'))
    .description('the whole story of one')
    .argument('<id>')
    .action(async (id: string, options: ApiOptions) => (await import('./incident.ts')).showIncident(id, options, print));
  remote(incident.command('create'))
    .description('reports something by hand: an alert named Reported, which rules may match')
    .option('--label <name=value>', 'a label', collect, [])
    .option('--summary <text>', 'what is wrong')
    .action(async (options: CreateOptions) => (await import('./incident.ts')).createIncident(options, print));

  const withRun = (command: Command): Command =>
    remote(command).argument('<id>').option('--run <run>', 'which run, where there are several');
  remote(incident.command('ack'))
    .description('takes it: automation that has not started yields')
    .argument('<id>')
    .action(async (id: string, options: ActionOptions) =>
      (await import('./incident.ts')).actOnIncident(id, 'ack', options, print),
    );
  withRun(incident.command('cancel'))
    .description('ends its run; lifts the quarantine of an interrupted one')
    .action(async (id: string, options: ActionOptions) =>
      (await import('./incident.ts')).actOnIncident(id, 'cancel', options, print),
    );
  withRun(incident.command('retry'))
    .description(
      'runs it again, also when it is acknowledged; a rule that observes asks for an approval first; a run that waits for its delay or cancel window runs now',
    )
    .option('--override <gate>', 'skips one gate; for admins')
    .option('--reason <text>', 'why')
    .action(async (id: string, options: ActionOptions) =>
      (await import('./incident.ts')).actOnIncident(id, 'retry', options, print),
    );
  remote(incident.command('resolve'))
    .description('closes it; alerts that still fire are dismissed')
    .argument('<id>')
    .action(async (id: string, options: ActionOptions) =>
      (await import('./incident.ts')).actOnIncident(id, 'resolve', options, print),
    );
  withRun(incident.command('approve'))
    .description('allows what its run wants to do; without --intent-digest what it wants at this moment')
    .option('--intent-digest <digest>', 'refuses to allow anything else than this')
    .option('--reason <text>', 'for the record')
    .action(async (id: string, options: ActionOptions) =>
      (await import('./incident.ts')).actOnIncident(id, 'approve', options, print),
    );
  withRun(incident.command('reject'))
    .description('refuses what its run wants to do: nothing further happens in this episode')
    .option('--reason <text>', 'for the record')
    .action(async (id: string, options: ActionOptions) =>
      (await import('./incident.ts')).actOnIncident(id, 'reject', options, print),
    );
  remote(incident.command('escalate'))
    .description('calls the next people of the escalation policy')
    .argument('<id>')
    .option('--reason <text>', 'for those who are called')
    .action(async (id: string, options: ActionOptions) =>
      (await import('./incident.ts')).actOnIncident(id, 'escalate', options, print),
    );
  remote(incident.command('note'))
    .description('adds a note to its story')
    .argument('<id>')
    .argument('<text>')
    .action(async (id: string, text: string, options: ApiOptions) =>
      (await import('./incident.ts')).noteOnIncident(id, text, options, print),
    );
  remote(incident.command('set'))
    .description("sets lines of its message, e.g. Impact='none yet'; NAME= takes one away")
    .argument('<id>')
    .argument('<name=value...>')
    .action(async (id: string, values: string[], options: ApiOptions) =>
      (await import('./incident.ts')).setOnIncident(id, values, options, print),
    );
  remote(incident.command('post-mortem'))
    .description('a draft of its post-mortem, in Markdown')
    .argument('<id>')
    .action(async (id: string, options: ApiOptions) => (await import('./incident.ts')).printPostMortem(id, options, print));
  remote(incident.command('customer-message'))
    .description("the rule's text for customers in the phase that it is in; nothing is sent")
    .argument('<id>')
    .action(async (id: string, options: ApiOptions) => (await import('./incident.ts')).printCustomerMessage(id, options, print));
}
