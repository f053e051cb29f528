import { dirname, join } from 'node:path';
import { SystemClock } from '../../src/domain/system-clock.ts';
import { NO_CHANGES } from '../../src/domain/store.ts';
import { SqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { startLedger, type Ledger } from '../support/daemon-ledger.ts';
import { waitUntil } from '../support/daemon-wait.ts';
import { peopleSettings } from '../support/people-settings.ts';
import { startSlack } from '../support/servers/slack/start-slack.ts';
import type { SlackServer } from '../support/servers/slack/types.ts';

// 29 February: no test waits for it.
const RULES = `
rules:
  - name: health
    schedule: { cron: '0 8 29 2 *', catch_up: 1h }
    target: everything
    mode: auto
    escalation_policy: standard
    notify: { slack: '#health' }
    steps:
      - { id: act, uses: http.request, with: { method: POST, path: /act/health } }
      - { id: say, uses: message.post, with: { text: 'all <!channel> is well & good' } }
  - name: too-late
    schedule: { cron: '0 8 29 2 *' }
    target: nothing
    steps: [{ id: act, uses: http.request, with: { method: POST, path: /act/late } }]
`;

describe('a rule with a schedule', () => {
  const started = new AsyncDisposableStack();
  let ledger: Ledger;
  let slack: SlackServer;
  let daemon: TestDaemon;

  beforeAll(async () => {
    ledger = started.adopt(await startLedger(), (it) => it.stop());
    slack = started.use(await startSlack({ channels: ['ops', 'health'] }));
    const config = { ...peopleSettings(slack), connections: { http: { acts: ledger.connection } } };
    daemon = started.adopt(await startDaemon({ rules: { 'rules.yml': RULES }, config }), (it) => it.stop());
  });
  afterAll(() => started.disposeAsync());

  /** While no daemon is there, the ticks of all rules become due so long ago. */
  async function miss(agoMs: number): Promise<void> {
    const store = new SqliteStore({ path: join(dirname(daemon.configFile), 'remedyd.db'), clock: new SystemClock() });
    await store.open();
    const dueAt = Date.now() - agoMs;
    await store.transact(async (tx) => {
      const schedules = (await tx.schedules('rule')).map((row) => ({ ...row, nextAt: dueAt }));
      expect(schedules).toHaveLength(2);
      await tx.save({ ...NO_CHANGES, schedules });
    });
    await store.close();
  }

  it('catches up after a downtime, once, whatever happens to the daemon, and says what it has to say in Slack', async () => {
    expect(await daemon.stopProcess()).toBe(0);
    await miss(10 * 60_000);
    await daemon.restart();
    await waitUntil('the tick was taken', () => (ledger.calls.length > 0 ? true : undefined));
    await waitUntil('the run is over', async () =>
      (await daemon.metric('remedyd_schedule_runs_total', { rule: 'health', outcome: 'completed' })) === 1 ? true : undefined,
    );
    await slack.until(() => slack.messages('#health').length > 0);
    await daemon.kill9();
    await daemon.restart();

    expect(ledger.calls).toEqual(['health']);
    expect(slack.messages('#health').map(({ text }) => text)).toEqual(['all &lt;!channel&gt; is well &amp; good']);
    expect(slack.messages('#ops')).toEqual([]);
    expect(await daemon.incidents()).toEqual([]);
    const { body } = await daemon.api('/api/v1/rules');
    expect(body).toMatchObject({
      rules: [
        {
          name: 'health',
          schedule: { next_run: '2028-02-29T08:00:00.000Z', last_run: { outcome: 'completed' }, last_skip: null },
        },
        { name: 'too-late', schedule: { last_run: null, last_skip: { reason: 'missed' } } },
      ],
    });
    const skipped = daemon.logs().filter(({ msg }) => msg === 'a scheduled run was skipped');
    expect(skipped).toMatchObject([{ level: 'warn', rule: 'too-late', reason: 'missed', count: 1 }]);
  }, 90_000);
});
