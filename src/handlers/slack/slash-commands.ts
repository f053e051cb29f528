import { parseDuration } from '../../domain/duration.ts';
import type { ApiRole } from '../../domain/settings.ts';
import type { Actor, PipelineEvent } from '../../pipeline/event.ts';
import { reportEvent } from '../../pipeline/report-alert.ts';
import { describeIncident, describeIncidentLine } from './describe-incident.ts';
import { describeManualRules } from './describe-rules.ts';
import { describeStatus } from './describe-status.ts';
import { describeWhy } from './describe-why.ts';
import { applyInTime, inTime } from './in-time.ts';
import { parseSilenceChoice, silenceIncident } from './silence-incident.ts';
import type { SlackInDeps } from './slack-in-deps.ts';
import { splitAssignments, type Word } from './split-words.ts';

const LISTED = 20;

/** A command that was typed. */
export interface SlashCall {
  readonly deps: SlackInDeps;
  /** What follows the command's name. */
  readonly words: readonly Word[];
  readonly actor: Actor;
  readonly signal: AbortSignal;
}

/** One command of `/remedyd`. */
export interface SlashCommand {
  readonly name: string;
  /** What follows its name. */
  readonly usage: string;
  readonly does: string;
  /** Without it nothing is done. */
  readonly role: ApiRole;
  /** The answer, or `undefined` when the words are not what `usage` says. */
  run(call: SlashCall): Promise<string> | undefined;
}

/** All commands, in the order of the help. */
export const SLASH_COMMANDS: readonly SlashCommand[] = [
  { name: 'list', usage: '', does: 'the open incidents', role: 'viewer', run: list },
  { name: 'show', usage: 'ID', does: 'an incident, its runs and its story', role: 'viewer', run: show },
  { name: 'why', usage: 'ID', does: 'what each gate said', role: 'viewer', run: why },
  { name: 'create', usage: 'TEXT [name=value…]', does: 'reports an incident', role: 'responder', run: create },
  {
    name: 'run',
    usage: 'RULE [name=value…] [target=…]',
    does: 'starts a rule by hand; alone it lists them',
    role: 'responder',
    run: runRule,
  },
  onIncident('ack', 'takes the incident', (incidentId, actor) => ({ kind: 'acknowledge', incidentId, actor })),
  {
    name: 'approve',
    usage: 'ID|RUN',
    does: 'lets a run that waits go on',
    role: 'responder',
    run: (call) => decide(call, 'approve'),
  },
  {
    name: 'reject',
    usage: 'ID|RUN [reason]',
    does: 'ends a run that waits',
    role: 'responder',
    run: (call) => decide(call, 'reject'),
  },
  { name: 'cancel', usage: 'ID|RUN', does: 'ends a run', role: 'responder', run: cancel },
  { name: 'retry', usage: 'ID|RUN', does: 'runs it again, or a held run now', role: 'responder', run: retry },
  { name: 'escalate', usage: 'ID [reason]', does: 'calls the next people', role: 'responder', run: escalate },
  { name: 'silence', usage: 'ID DURATION', does: 'silences its alerts in Alertmanager', role: 'responder', run: silence },
  { name: 'note', usage: 'ID TEXT', does: 'writes into its timeline', role: 'responder', run: note },
  onIncident('resolve', 'says that it is over', (incidentId, actor) => ({ kind: 'resolve', incidentId, actor })),
  { name: 'pause', usage: '[DURATION] [reason]', does: 'starts nothing new', role: 'admin', run: pause },
  { name: 'resume', usage: '', does: 'ends the pause', role: 'admin', run: resume },
  { name: 'status', usage: '', does: 'how the daemon is', role: 'viewer', run: status },
];

type CallWithoutWords = Omit<SlashCall, 'words'>;

async function apply({ deps, signal }: CallWithoutWords, event: PipelineEvent): Promise<string> {
  return (await applyInTime(deps, event, signal)).text;
}

/** A command that takes one incident and nothing else. */
function onIncident(name: string, does: string, event: (incidentId: string, actor: Actor) => PipelineEvent): SlashCommand {
  return {
    name,
    usage: 'ID',
    does,
    role: 'responder',
    run: ({ words, ...call }) => {
      const id = onlyWord(words);
      return id === undefined ? undefined : apply(call, event(id, call.actor));
    },
  };
}

function onlyWord(words: readonly Word[]): string | undefined {
  return words.length === 1 ? words[0]?.text : undefined;
}

function idAndText([id, ...rest]: readonly Word[]): readonly [string | undefined, { readonly reason?: string }] {
  const reason = rest.map((word) => word.text).join(' ');
  return [id?.text, reason === '' ? {} : { reason }];
}

function list({ deps, words, signal }: SlashCall): Promise<string> | undefined {
  if (words.length > 0) return undefined;
  return inTime(deps.store.listIncidents({ status: 'open', limit: LISTED }), signal).then(({ items, nextCursor }) => {
    if (items.length === 0) return 'no incident is open';
    const lines = items.map((incident) => describeIncidentLine(incident, deps.clock.now()));
    return [...lines, ...(nextCursor === null ? [] : [`and more than these ${LISTED}`])].join('\n');
  });
}

function show({ deps, words, signal }: SlashCall): Promise<string> | undefined {
  const id = onlyWord(words);
  if (id === undefined) return undefined;
  return inTime(deps.store.incidentDetail(id), signal).then((detail) =>
    detail === undefined ? `there is no incident ${id}` : describeIncident(detail, deps.clock.now()),
  );
}

function why({ deps, words, signal }: SlashCall): Promise<string> | undefined {
  const id = onlyWord(words);
  if (id === undefined) return undefined;
  return inTime(deps.store.incidentDetail(id), signal).then((detail) =>
    detail === undefined ? `there is no incident ${id}` : describeWhy(detail),
  );
}

function create({ words, ...call }: SlashCall): Promise<string> | undefined {
  const { deps, actor } = call;
  const { texts, values } = splitAssignments(words);
  if (texts.length === 0) return undefined;
  return apply(call, reportEvent({ labels: values, summary: texts.join(' '), actor }, deps.rules(), deps.clock.now()));
}

function runRule({ words, ...call }: SlashCall): Promise<string> | undefined {
  const { deps, actor } = call;
  const { texts, values } = splitAssignments(words);
  const [name, more] = texts;
  const { rules } = deps.rules();
  if (name === undefined) return words.length > 0 ? undefined : Promise.resolve(describeManualRules(rules, actor));
  if (more !== undefined) return undefined;
  if (rules.find((rule) => rule.name === name)?.manual === undefined)
    return Promise.resolve(`there is no rule ${name} to be started by hand; "run" alone lists those that are`);
  const { target, ...params } = values;
  return apply(call, { kind: 'run_by_hand', rule: name, params, actor, ...(target === undefined ? {} : { target }) });
}

/** The incident, or the run and its incident, that a person names. */
async function findSubject(
  { deps, signal }: CallWithoutWords,
  id: string,
): Promise<{ readonly incidentId: string | null; readonly runId?: string } | undefined> {
  if (!id.startsWith('run_')) return { incidentId: id };
  const detail = await inTime(deps.store.runDetail(id), signal);
  return detail === undefined ? undefined : { incidentId: detail.run.incidentId, runId: id };
}

function decide({ words, ...call }: SlashCall, kind: 'approve' | 'reject'): Promise<string> | undefined {
  const [id, reason] = idAndText(words);
  if (id === undefined || (kind === 'approve' && words.length > 1)) return undefined;
  return findSubject(call, id).then((subject) =>
    subject === undefined ? `there is no run ${id}` : apply(call, { kind, ...subject, ...reason, actor: call.actor }),
  );
}

function cancel({ words, ...call }: SlashCall): Promise<string> | undefined {
  const id = onlyWord(words);
  if (id === undefined) return undefined;
  return findSubject(call, id).then((subject) =>
    subject === undefined ? `there is no run ${id}` : apply(call, { kind: 'cancel', ...subject, actor: call.actor }),
  );
}

function retry({ words, ...call }: SlashCall): Promise<string> | undefined {
  const id = onlyWord(words);
  if (id === undefined) return undefined;
  return findSubject(call, id).then((subject) => {
    if (subject === undefined) return `there is no run ${id}`;
    const { incidentId, runId } = subject;
    if (incidentId === null) return `run ${id} belongs to no incident; start its rule again with "run"`;
    return apply(call, { kind: 'retry', incidentId, actor: call.actor, ...(runId === undefined ? {} : { runId }) });
  });
}

function escalate({ words, ...call }: SlashCall): Promise<string> | undefined {
  const [incidentId, reason] = idAndText(words);
  return incidentId === undefined ? undefined : apply(call, { kind: 'escalate', incidentId, actor: call.actor, ...reason });
}

function note({ words, ...call }: SlashCall): Promise<string> | undefined {
  const [incidentId, { reason: text }] = idAndText(words);
  if (incidentId === undefined || text === undefined) return undefined;
  return apply(call, { kind: 'note', incidentId, text, actor: call.actor });
}

function resume({ words, ...call }: SlashCall): Promise<string> | undefined {
  return words.length > 0 ? undefined : apply(call, { kind: 'resume', actor: call.actor });
}

function silence({ deps, words, actor, signal }: SlashCall): Promise<string> | undefined {
  const [id, duration] = words;
  if (id === undefined || duration === undefined || words.length > 2) return undefined;
  const choice = parseSilenceChoice(id.text, duration.text);
  return choice === undefined ? undefined : silenceIncident(deps, choice, actor, signal);
}

function pause({ words, ...call }: SlashCall): Promise<string> {
  const [first] = words;
  const forMs = first === undefined || first.isQuoted ? undefined : parseDuration(first.text);
  const isTimed = forMs !== undefined && forMs > 0;
  const reason = (isTimed ? words.slice(1) : words).map((word) => word.text).join(' ');
  return apply(call, {
    kind: 'pause',
    actor: call.actor,
    ...(isTimed ? { forMs } : {}),
    ...(reason === '' ? {} : { reason }),
  });
}

function status({ deps, words, signal }: SlashCall): Promise<string> | undefined {
  if (words.length > 0) return undefined;
  const { store, pipeline } = deps;
  return inTime(Promise.all([store.switches(), store.counts()]), signal).then(([switches, counts]) =>
    describeStatus(switches, counts, { isAccepting: pipeline.isAccepting, rules: deps.rules().rules.length }),
  );
}
