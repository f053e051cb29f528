import { lastingMessages } from '../../src/cli/demo/lasting-messages.ts';
import { readPeopleMessage, type PeopleMessage } from '../../src/cli/demo/people-message.ts';
import { questionText } from '../../src/cli/demo/question-text.ts';
import type { IncidentNews } from '../../src/domain/notifier.ts';
import type { Incident } from '../../src/domain/state.ts';
import { createLogger } from '../../src/logger.ts';
import { LogNotifier } from '../../src/notifiers/log-notifier.ts';
import { entryOf, incidentOf, notificationOf } from '../support/store-rows.ts';

const ID = 'inc_mi8k2l3p00a1b2c3';

/** The daemon's log after the `log` notifier has told something of an incident. */
async function loggedLines(overrides: Partial<Incident>, purpose: 'message' | 'page'): Promise<readonly string[]> {
  const lines: string[] = [];
  const log = await createLogger({ level: 'info', format: 'json', destination: { write: (line) => void lines.push(line) } });
  const notifier = new LogNotifier((line) => log.info(line));
  const incident = incidentOf(ID, overrides);
  const timeline = [{ ...entryOf({ text: 'step (inc_other) is done' }), position: 1 }];
  const news: IncidentNews = {
    kind: 'incident',
    detail: { incident, lines: [], alerts: [], runs: [], steps: [], timeline, approvals: [] },
    phase: 'identified',
    description: '',
    fields: [{ name: 'Host', value: 'web-1' }],
    pagerdutySeverity: 'critical',
    next: ['web-1: waits for an approval (soon)'],
  };
  const row = notificationOf(ID, { channel: purpose === 'page' ? 'pagerduty' : 'slack', place: '#incidents', purpose });
  const operation = notifier.next(news, row);
  if (operation === undefined) throw new Error('there is nothing to tell');
  await notifier.send(operation);
  return lines;
}

const messagesIn = (lines: readonly string[]): readonly PeopleMessage[] =>
  lines.map(readPeopleMessage).filter((message) => message !== undefined);

const at = (ms: number, text: string, place = '#incidents'): PeopleMessage => ({
  at: new Date(ms),
  channel: 'slack',
  place,
  incidentId: ID,
  text,
});

describe('the question that the demo shows', () => {
  const approval = {
    state: 'open',
    why: 'the rule is in mode approve',
    roles: ['dba'],
    count: 2,
    approved_by: [],
    timeout_at: '2026-01-02T10:15:00.000Z',
    intent: [{ step: '0:steps/kill', uses: 'postgres.terminate_idle_connections', summary: 'terminate 15 idle sessions' }],
  };

  it('says what would be done, who may allow it and until when', () => {
    expect(questionText({ target: 'postgres/main', approval })?.split('\n')).toEqual([
      'Approval needed for postgres/main: the rule is in mode approve',
      'Who may: dba (2 people). Until 10:15 UTC.',
      '1. terminate 15 idle sessions (postgres.terminate_idle_connections)',
      '[ Approve ]  [ Reject ]',
    ]);
  });

  it('is none once it is decided, or where nothing is asked', () => {
    expect(questionText({ target: 'postgres/main', approval: { ...approval, state: 'approved' } })).toBeUndefined();
    expect(questionText({ target: 'postgres/main', approval: null })).toBeUndefined();
  });
});

describe('what the demo shows of the messages to people', () => {
  it('is the first line of what the log notifier wrote, without the id of the incident', async () => {
    const lines = await loggedLines({ severity: 'P1', rule: 'recycle', acknowledgedBy: null }, 'message');

    expect(lines.length).toBeGreaterThan(1);
    expect(messagesIn(lines)).toEqual([
      {
        at: expect.any(Date),
        channel: 'slack',
        place: '#incidents',
        incidentId: ID,
        text: 'P1 recycle cluster=a is identified; next: web-1: waits for an approval (soon)',
      },
    ]);
  });

  it('says who has it, and what is a page', async () => {
    const [page] = messagesIn(await loggedLines({ severity: 'P1', rule: 'recycle', acknowledgedBy: 'ann' }, 'page'));

    expect(page?.channel).toBe('pagerduty');
    expect(page?.text).toBe('PAGE P1 recycle cluster=a is identified, ann has it; next: web-1: waits for an approval (soon)');
  });

  it('is nothing of the other lines of a log', () => {
    expect(readPeopleMessage('not JSON')).toBeUndefined();
    expect(readPeopleMessage('{"level":"info","time":"2026-01-02T03:04:05.678Z","msg":"ready"}')).toBeUndefined();
    expect(readPeopleMessage('{"level":"info","time":"2026-01-02T03:04:05.678Z","msg":"slack #ops: a notice"}')).toBeUndefined();
  });

  it('leaves out what the next update replaced at once, what stands since a moment only, and what was said already', () => {
    const messages = [at(0, 'begins'), at(10, 'works'), at(1_000, 'ended'), at(2_000, 'ended'), at(2_950, 'resolved')];

    expect(lastingMessages(messages, 3_000).map(({ text }) => text)).toEqual(['works', 'ended']);
    expect(lastingMessages(messages, Infinity).map(({ text }) => text)).toEqual(['works', 'ended', 'resolved']);
  });

  it('keeps places apart, in the order of time', () => {
    const messages = [at(0, 'works'), at(10, 'calls', 'on-call'), at(500, 'resolved')];

    expect(lastingMessages(messages, Infinity).map(({ text }) => text)).toEqual(['works', 'calls', 'resolved']);
  });
});
