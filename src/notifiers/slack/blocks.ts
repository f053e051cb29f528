import type { JsonObject } from '../../domain/json.ts';
import { join, linesWithin, mrkdwn, plain, type Mrkdwn } from './mrkdwn.ts';

// The parts of a message, each within Slack's limits: docs.slack.dev/reference/block-kit, and the doc comments of @slack/types.

/** A block as it is sent. */
export type Block = JsonObject;

export const SECTION_MAX = 3_000;
/** For the line that says how many others are left out. */
const LEFT_OUT_MAX = 30;
const HEADER_MAX = 150;
const FIELDS_MAX = 10;
const CONTEXT_MAX = 10;
const BUTTON_MAX = 75;
const VALUE_MAX = 2_000;
const CONFIRM_TITLE_MAX = 100;
const CONFIRM_TEXT_MAX = 300;

/** What a person is asked after a click. */
export interface Confirmation {
  readonly title: string;
  readonly text: string;
  readonly yes: string;
  readonly isDangerous?: boolean;
}

export interface Button {
  readonly actionId: string;
  readonly label: string;
  readonly value: string;
  readonly style?: 'primary' | 'danger';
  readonly confirm?: Confirmation;
}

/** A title. It has no markup. */
export function header(text: string): Block {
  return { type: 'header', text: plainText(text, HEADER_MAX) };
}

/** Lines of text; those that do not fit are left out, whole, and the last line says how many. */
export function section(lines: readonly Mrkdwn[], max = SECTION_MAX): Block {
  const all = linesWithin(lines, max);
  if (all.left === 0) return { type: 'section', text: markdown(all.text) };
  const { text, left } = linesWithin(lines, max - LEFT_OUT_MAX);
  const note = mrkdwn`… ${left} ${left === 1 ? 'line' : 'lines'} more`;
  return { type: 'section', text: markdown(left === lines.length ? note : join([text, note], '\n')) };
}

/** Short texts in two columns, at most ten. */
export function fields(texts: readonly Mrkdwn[]): Block {
  return { type: 'section', fields: texts.slice(0, FIELDS_MAX).map(markdown) };
}

/** Small print, at most ten texts. */
export function context(texts: readonly Mrkdwn[]): Block {
  return { type: 'context', elements: texts.slice(0, CONTEXT_MAX).map(markdown) };
}

/** A row of buttons and menus. */
export function actions(elements: readonly JsonObject[]): Block {
  return { type: 'actions', elements };
}

export function button({ actionId, label, value, style, confirm }: Button): JsonObject {
  return {
    type: 'button',
    action_id: actionId,
    text: plainText(label, BUTTON_MAX),
    value: value.slice(0, VALUE_MAX),
    ...(style === undefined ? {} : { style }),
    ...(confirm === undefined ? {} : { confirm: confirmation(confirm) }),
  };
}

/** A menu; what is chosen is the option's value, the subject is in the block's id. */
export function menu(
  actionId: string,
  placeholder: string,
  options: readonly { readonly label: string; readonly value: string }[],
): JsonObject {
  return {
    type: 'static_select',
    action_id: actionId,
    placeholder: plainText(placeholder, 150),
    options: options.map(({ label, value }) => ({ text: plainText(label, BUTTON_MAX), value })),
  };
}

function confirmation({ title, text, yes, isDangerous }: Confirmation): JsonObject {
  return {
    title: plainText(title, CONFIRM_TITLE_MAX),
    text: plainText(text, CONFIRM_TEXT_MAX),
    confirm: plainText(yes, 30),
    deny: plainText('Not now', 30),
    style: isDangerous === true ? 'danger' : 'primary',
  };
}

/** `verbatim`: what looks like an address or a channel in a label stays text. */
function markdown(text: Mrkdwn): JsonObject {
  return { type: 'mrkdwn', text: text.source === '' ? '–' : text.source, verbatim: true };
}

function plainText(text: string, max: number): JsonObject {
  const shown = plain(text, max);
  return { type: 'plain_text', text: shown === '' ? '–' : shown, emoji: false };
}
