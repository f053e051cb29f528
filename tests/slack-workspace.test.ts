import type { Person, Role } from '../src/domain/settings.ts';
import { Secret } from '../src/domain/secret.ts';
import { SlackWorkspace } from '../src/slack-workspace.ts';
import { waitUntil } from './support/daemon-wait.ts';
import { startSlack } from './support/servers/slack/start-slack.ts';
import type { SlackServer } from './support/servers/slack/types.ts';
import { VirtualClock } from '../src/rule-tests/virtual-clock.ts';

const PEOPLE = new Map<string, Person>([
  ['alice', { slack: 'U0ALICE01' }],
  ['carol', { slack: 'U0CAROL01' }],
  ['dave', {}],
]);
const ROLES = new Map<string, Role>([['on-call', { people: ['carol', 'dave'], slackUsergroup: 'S0ONCALL1' }]]);

let slack: SlackServer;
beforeEach(async () => {
  slack = await startSlack({ userGroups: { S0ONCALL1: ['U0ALICE01', 'U0BOB0001'] } });
});
afterEach(() => slack.stop());

function workspaceOf(given = slack.botToken) {
  const clock = new VirtualClock();
  const warnings: string[] = [];
  let token = given;
  const workspace = new SlackWorkspace({
    settings: () => ({ slack: { botToken: new Secret(token), apiUrl: slack.apiUrl }, people: PEOPLE, roles: ROLES }),
    clock,
    warn: (_fields, message) => void warnings.push(message),
  });
  const setToken = (next: string): void => {
    token = next;
  };
  return { workspace, clock, warnings, setToken };
}

const asked = (): number => slack.calls.filter(({ method, outcome }) => method === 'auth.test' && outcome !== 'pending').length;

describe("what Slack says of the workspace's people", () => {
  it('tells the members of a user group, or fails', async () => {
    const { workspace } = workspaceOf();
    await expect(workspace.usergroupMembers('S0ONCALL1')).resolves.toEqual(['U0ALICE01', 'U0BOB0001']);
    await expect(workspace.usergroupMembers('S0NOBODY1')).rejects.toThrow('no_such_subteam');
    slack.fail({ how: { status: 429, retryAfter: 30 } });
    await expect(workspace.usergroupMembers('S0ONCALL1')).rejects.toThrow();
    expect(slack.calls).toHaveLength(3);
  });

  it('knows who a person is, and who has a role by name or by its group', async () => {
    const { workspace } = workspaceOf();
    await expect(workspace.whoIs('alice')).resolves.toEqual(['U0ALICE01']);
    await expect(workspace.whoIs('dave')).resolves.toEqual([]);
    await expect(workspace.whoIs('on-call')).resolves.toEqual(['U0CAROL01', 'U0ALICE01', 'U0BOB0001']);
    slack.fail({ how: { error: 'fatal_error' } });
    await expect(workspace.whoIs('on-call')).rejects.toMatchObject({ code: 'passing' });
  });

  it("learns the bot's workspace beside, and asks again while it does not know", async () => {
    const { workspace, clock, warnings } = workspaceOf();
    slack.fail({ method: 'auth.test', how: { error: 'fatal_error' } });
    workspace.start();
    expect(workspace.teamId()).toBeUndefined();
    await waitUntil('the first question has failed', () => warnings[0]);
    await clock.advance(60_000);
    expect(await waitUntil('the second is answered', () => workspace.teamId())).toBe(slack.teamId);
    expect(warnings).toEqual(['Slack does not say whose token slack.bot_token is']);
    expect(asked()).toBe(2);
    await workspace.stop();
  });

  it('does not take the workspace of one token for that of another', async () => {
    const { workspace, setToken } = workspaceOf();
    workspace.start();
    await waitUntil('Slack has said whose it is', () => workspace.teamId());
    setToken('xoxb-of-somebody-else');
    expect(workspace.teamId()).toBeUndefined();
    await workspace.stop();
  });

  it('says nothing of the token when it is refused', async () => {
    const { workspace } = workspaceOf('xoxb-wrong-and-secret');
    await expect(workspace.usergroupMembers('S0ONCALL1')).rejects.not.toThrow('xoxb-wrong-and-secret');
  });
});
