import { Secret } from '../../src/domain/secret.ts';
import type { ApiRole, Person, Role } from '../../src/domain/settings.ts';
import { SlackPeople } from '../../src/handlers/slack/slack-people.ts';
import { UsergroupMembers } from '../../src/handlers/slack/usergroup-members.ts';
import { VirtualClock } from '../../src/rule-tests/virtual-clock.ts';

const MINUTE_MS = 60_000;

const people: ReadonlyMap<string, Person> = new Map([
  ['alice', { slack: 'U1' }],
  ['bob', { slack: 'U2' }],
  ['carol', { pagerduty: 'P3' }],
]);
const roles: ReadonlyMap<string, Role> = new Map([
  ['sre', { people: ['alice', 'bob'] }],
  ['dba', { people: [], slackUsergroup: 'S1' }],
]);
const token = (person: string, role: ApiRole) => ({ person, role, token: new Secret('x') });

function knowing(members: readonly string[] | undefined, teamId?: string): SlackPeople {
  const found = members === undefined ? undefined : new Set(members);
  return new SlackPeople({
    settings: () => ({
      people,
      roles,
      auth: { webhook: [], tokens: [token('alice', 'viewer'), token('alice', 'admin'), token('carol', 'admin')] },
    }),
    usergroups: { of: (ids) => Promise.resolve(new Map(ids.map((id) => [id, found]))) },
    teamId: () => teamId,
  });
}

describe('people in Slack', () => {
  it('are known by their ids, with the greatest role of their tokens', async () => {
    await expect(knowing([]).identify({ id: 'U1', teamIds: ['T1'] }, 'r1')).resolves.toEqual({
      actor: { person: 'alice', role: 'admin', roles: ['sre'], via: 'slack', requestId: 'r1' },
    });
  });

  it('are responders without a token, and have the roles of their user groups too', async () => {
    await expect(knowing(['U2', 'U9']).identify({ id: 'U2', teamIds: [] }, 'r1')).resolves.toEqual({
      actor: { person: 'bob', role: 'responder', roles: ['sre', 'dba'], via: 'slack', requestId: 'r1' },
    });
  });

  it('may be known by a user group alone', async () => {
    await expect(knowing(['U9']).identify({ id: 'U9', teamIds: [] }, 'r1')).resolves.toEqual({
      actor: { person: 'slack:U9', role: 'responder', roles: ['dba'], via: 'slack', requestId: 'r1' },
    });
  });

  it.each([
    ['nobody else', []],
    ['nobody while Slack does not tell the members', undefined],
  ])('are %s', async (_name, members) => {
    const found = await knowing(members).identify({ id: 'U9', teamIds: [] }, 'r1');
    expect(found).toEqual({
      refusal: expect.stringContaining('the Slack user U9 is not known here; add people: { NAME: { slack: U9 } }'),
    });
    expect(JSON.stringify(found).includes('does not tell')).toBe(members === undefined);
  });

  it.each([[['T2']], [['T1', 'T2']], [['T2', 'T1']]])('are refused when another workspace is named: %j', async (teamIds) => {
    await expect(knowing([], 'T1').identify({ id: 'U1', teamIds }, 'r1')).resolves.toEqual({
      refusal: expect.stringContaining('another workspace'),
    });
  });
});

describe('the members of user groups', () => {
  function asking(): {
    readonly members: UsergroupMembers;
    readonly clock: VirtualClock;
    readonly asked: string[];
    readonly faults: string[];
    answer: () => Promise<readonly string[]>;
  } {
    const clock = new VirtualClock();
    const parts = {
      clock,
      asked: [] as string[],
      faults: [] as string[],
      answer: () => Promise.resolve<readonly string[]>(['U1']),
    };
    const ask = (id: string): Promise<readonly string[]> => {
      parts.asked.push(id);
      return parts.answer();
    };
    return Object.assign(parts, {
      members: new UsergroupMembers(ask, clock, { warn: (_fields, message) => void parts.faults.push(message) }),
    });
  }

  it('are asked for every five minutes', async () => {
    const { members, clock, asked } = asking();
    expect((await members.of(['S1'])).get('S1')?.has('U1')).toBe(true);
    await clock.advance(5 * MINUTE_MS - 1);
    await members.of(['S1']);
    expect(asked).toEqual(['S1']);
    await clock.advance(1);
    await members.of(['S1']);
    expect(asked).toEqual(['S1', 'S1']);
  });

  it('count for an hour while Slack is down, and then nobody is one', async () => {
    const group = asking();
    await group.members.of(['S1']);
    group.answer = () => Promise.reject(new Error('down'));
    await group.clock.advance(60 * MINUTE_MS - 1);
    expect((await group.members.of(['S1'])).get('S1')?.has('U1')).toBe(true);
    await group.clock.advance(1);
    expect((await group.members.of(['S1'])).get('S1')).toBeUndefined();
    expect(group.faults).toHaveLength(2);
  });

  it('are not waited for longer than a second, and are asked for once at a time', async () => {
    const group = asking();
    const slow = Promise.withResolvers<readonly string[]>();
    group.answer = () => slow.promise;
    const first = group.members.of(['S1']);
    const second = group.members.of(['S1']);
    await group.clock.advance(1_000);
    expect((await first).get('S1')).toBeUndefined();
    expect((await second).get('S1')).toBeUndefined();
    expect(group.asked).toEqual(['S1']);
    slow.resolve(['U2']);
    expect((await group.members.of(['S1'])).get('S1')?.has('U2')).toBe(true);
  });
});
