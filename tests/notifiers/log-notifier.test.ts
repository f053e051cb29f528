import type { BundleNews, IncidentNews, News } from '../../src/domain/notifier.ts';
import type { Notification, StoredTimelineEntry } from '../../src/domain/state.ts';
import { LogNotifier } from '../../src/notifiers/log-notifier.ts';
import { entryOf, incidentOf, notificationOf } from '../support/store-rows.ts';

const lines: string[] = [];
const notifier = new LogNotifier((line) => void lines.push(line));
beforeEach(() => void lines.splice(0));

const entry = (position: number, overrides: Partial<StoredTimelineEntry> = {}): StoredTimelineEntry => ({
  ...entryOf({ text: `entry ${position}` }),
  position,
  ...overrides,
});

function newsOf(timeline: readonly StoredTimelineEntry[], overrides: Partial<IncidentNews> = {}): IncidentNews {
  return {
    kind: 'incident',
    detail: {
      incident: incidentOf('inc-1', { acknowledgedBy: 'ann' }),
      lines: [],
      alerts: [],
      runs: [],
      steps: [],
      timeline,
      approvals: [],
    },
    phase: 'identified',
    description: '',
    fields: [{ name: 'Host', value: 'web-1' }],
    pagerdutySeverity: 'critical',
    next: ['web-1: runs clean (exec.run)'],
    ...overrides,
  };
}

/** Tells everything, and returns the row as it is then. */
async function tellAll(news: News, row: Notification): Promise<Notification> {
  let now = row;
  for (let operation = notifier.next(news, now); operation !== undefined; operation = notifier.next(news, now)) {
    now = { ...now, ...(await notifier.send(operation)) };
  }
  return now;
}

describe('the log', () => {
  it('says how things are and what is new, in the words of a message', async () => {
    const row = await tellAll(newsOf([entry(1), entry(2, { actor: 'ann' })]), notificationOf('inc-1'));
    expect(lines).toEqual([
      'slack #ops: P1 disk-full cluster=a is identified (inc-1, ann has it); next: web-1: runs clean (exec.run)',
      'slack #ops:   Host: web-1',
      'slack #ops:   entry 1',
      'slack #ops:   ann: entry 2',
    ]);
    lines.splice(0);
    await tellAll(newsOf([entry(1), entry(2), entry(3)]), row);
    expect(lines.at(-1)).toBe('slack #ops:   entry 3');
    expect(lines).not.toContain('slack #ops:   entry 2');
  });

  it('says a page as a page', async () => {
    await tellAll(newsOf([]), notificationOf('inc-1', { purpose: 'page', channel: 'pagerduty', place: 'prod' }));
    expect(lines[0]).toMatch(/^pagerduty prod: PAGE P1 disk-full/);
  });

  it('says what is said again and again once', async () => {
    const joins = Array.from({ length: 59 }, (_, index) => entry(index + 1, { text: 'DiskFull joins' }));
    const row = await tellAll(newsOf(joins), notificationOf('inc-1'));
    expect(lines.slice(-2)).toEqual(['slack #ops:   Host: web-1', 'slack #ops:   DiskFull joins (59 times)']);
    expect(row.toldPosition).toBe(59);
  });

  it('tells a long story in pieces, and every entry once', async () => {
    const story = Array.from({ length: 250 }, (_, index) => entry(index + 1));
    await tellAll(newsOf(story), notificationOf('inc-1'));
    expect(lines.filter((line) => line.includes('  entry '))).toHaveLength(250);
  });

  it('obeys no control character of a label', async () => {
    const text = 'up\u001b[31m\r\nslack #ops: all is well\u202e';
    await tellAll(newsOf([entry(1, { text })]), notificationOf('inc-1'));
    expect(lines.at(-1)).toBe('slack #ops:   up [31m slack #ops: all is well ');
  });

  it('says of a bundle how many they are, and names the most urgent', async () => {
    const incidents = Array.from({ length: 25 }, (_, index) => incidentOf(`inc-${index}`));
    const news: BundleNews = { kind: 'bundle', id: 'b', startedAt: 0, incidents, pagerdutySeverity: 'critical' };
    await tellAll(news, notificationOf('b', { incidentId: null, purpose: 'bundle' }));
    expect(lines[0]).toBe('slack #ops: 25 incidents began together, 25 of them open');
    expect(lines.at(-1)).toBe('slack #ops:   and 5 more');
    expect(lines).toHaveLength(22);
  });

  it('says a notice once', async () => {
    await tellAll(
      { kind: 'notice', id: 'n', text: 'paused for 2h' },
      notificationOf('n', { incidentId: null, purpose: 'notice' }),
    );
    expect(lines).toEqual(['slack #ops: paused for 2h']);
  });

  it('refuses what it cannot read', async () => {
    const operation = notifier.next(newsOf([]), notificationOf('inc-1'));
    if (operation === undefined) throw new Error('there is nothing to say');
    await expect(notifier.send({ ...operation, request: {} })).rejects.toMatchObject({ code: 'refused' });
  });
});
