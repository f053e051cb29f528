import { hash } from 'node:crypto';
import type { JsonObject } from '../../domain/json.ts';
import type { IncidentDetail } from '../../domain/store.ts';
import type { StepRecord } from '../../domain/state.ts';
import { section, type Block } from './blocks.ts';
import type { Message } from './message.ts';
import { code, codeBlock, join, mrkdwn, shortened, type Mrkdwn } from './mrkdwn.ts';
import { outputText } from './output-text.ts';
import { CODE_BLOCK_MAX } from './thread-file.ts';

/** The output of a step that read something: logs, statistics, what was before and what after. */
export interface StepOutput {
  /** Names the step in the row of the notification. */
  readonly key: string;
  readonly title: string;
  readonly heading: Mrkdwn;
  readonly text: string;
  readonly isLarge: boolean;
}

/** A thread takes no more than so many of an incident: the rest is read where everything is. */
const MAX_OUTPUTS = 100;
const MESSAGE_BYTES = 11_000;

/** The outputs that are not in the thread yet, in the order of the steps. */
export function outputsOwed(detail: IncidentDetail, told: readonly string[]): readonly StepOutput[] {
  const targets = new Map(detail.runs.map((run) => [run.id, run.target]));
  const read = detail.steps.filter(hasOutput).toSorted((a, b) => startOf(a) - startOf(b) || a.position - b.position);
  const fresh = read.flatMap((step) => {
    const key = keyOf(step);
    return told.includes(key) ? [] : [describeOutput(step, key, targets.get(step.runId) ?? '')];
  });
  return fresh.slice(0, Math.max(0, MAX_OUTPUTS - told.length));
}

/** As many small outputs as one message holds: at least the first. */
export function packOutputs(outputs: readonly StepOutput[]): { readonly message: Message; readonly keys: readonly string[] } {
  const blocks: Block[] = [];
  const keys: string[] = [];
  let bytes = 0;
  for (const output of outputs) {
    if (output.isLarge) break;
    const block = section([output.heading, codeBlock(output.text, CODE_BLOCK_MAX)]);
    bytes += Buffer.byteLength(JSON.stringify(block)) + 1;
    if (blocks.length > 0 && (bytes > MESSAGE_BYTES || blocks.length >= 40)) break;
    blocks.push(block);
    keys.push(output.key);
  }
  const headings = outputs.slice(0, Math.min(keys.length, 10)).map((output) => output.heading);
  return { message: { text: join(headings, '\n'), blocks, shortest: blocks.slice(0, 1) }, keys };
}

type StepWithOutput = StepRecord & { readonly output: JsonObject };

/** Only leaves that read: the outputs of a playbook or of a list are those of its steps. */
function hasOutput(step: StepRecord): step is StepWithOutput {
  return step.effect === 'read' && step.output !== null && step.items === null && Object.keys(step.output).length > 0;
}

function startOf(step: StepRecord): number {
  return step.startedAt;
}

function keyOf({ runId, address }: StepRecord): string {
  return hash('sha256', `${runId} ${address}`, 'hex').slice(0, 12);
}

function describeOutput(step: StepWithOutput, key: string, target: string): StepOutput {
  const text = outputText(step.output);
  return {
    key,
    title: `${step.id} of ${target}`,
    heading: mrkdwn`*${shortened(step.id, 60)}* of ${code(target)} (${code(step.uses, 60)})`,
    text,
    isLarge: text.length > CODE_BLOCK_MAX,
  };
}
