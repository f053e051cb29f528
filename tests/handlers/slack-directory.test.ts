import { Secret } from '../../src/domain/secret.ts';
import { SlackDirectory } from '../../src/handlers/slack/slack-directory.ts';
import { startSlack } from '../support/servers/slack/start-slack.ts';
import type { SlackServer } from '../support/servers/slack/types.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

let slack: SlackServer;
beforeEach(async () => {
  slack = await startSlack({ userGroups: { S0ONCALL1: ['U0ALICE01', 'U0BOB0001'] } });
});
afterEach(async () => {
  await slack.stop();
});

function directoryOf(token = slack.botToken) {
  const faults: string[] = [];
  const clock = new VirtualClock();
  const directory = new SlackDirectory({
    settings: () => ({ botToken: new Secret(token), apiUrl: slack.apiUrl }),
    clock,
    log: { warn: (_fields, message) => void faults.push(message) },
  });
  return { directory, faults, clock };
}

const asked = (): number => slack.calls.filter(({ method, outcome }) => method === 'auth.test' && outcome !== 'pending').length;

describe('the directory of Slack', () => {
  it('tells the members of a user group, or fails', async () => {
    const { directory } = directoryOf();
    await expect(directory.usergroupMembers('S0ONCALL1')).resolves.toEqual(['U0ALICE01', 'U0BOB0001']);
    await expect(directory.usergroupMembers('S0NOBODY1')).rejects.toThrow('no_such_subteam');
    slack.fail({ how: { status: 429, retryAfter: 30 } });
    await expect(directory.usergroupMembers('S0ONCALL1')).rejects.toThrow();
    expect(slack.calls).toHaveLength(3);
  });

  it('learns the bot’s workspace beside, and asks again while it does not know', async () => {
    const { directory, clock, faults } = directoryOf();
    slack.fail({ method: 'auth.test', how: { error: 'fatal_error' } });
    expect(directory.teamId()).toBeUndefined();
    expect(directory.teamId()).toBeUndefined();
    await slack.until(() => asked() === 1);
    await clock.advance(30_000);
    while (directory.teamId() === undefined) await slack.until(() => asked() === 2).then(() => clock.advance(1));
    expect(directory.teamId()).toBe(slack.teamId);
    expect(faults).toEqual(['Slack does not tell which workspace the bot is of']);
    expect(asked()).toBe(2);
  });

  it('says nothing of the token when it is refused', async () => {
    const { directory } = directoryOf('xoxb-wrong-and-secret');
    await expect(directory.usergroupMembers('S0ONCALL1')).rejects.not.toThrow('xoxb-wrong-and-secret');
  });
});
