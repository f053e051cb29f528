import { StepError } from '../../domain/remediation.ts';
import { parseClientList, type ListedClient } from './parse-client-list.ts';
import type { RedisSession } from './redis-session.ts';

/** Which clients are meant; `null` filters nothing. */
export interface IdleClientFilter {
  readonly idle_for_ms: number;
  readonly user: string | null;
  readonly name: string | null;
  readonly address: string | null;
  readonly [key: string]: string | number | null;
}

// Little time passes between reading the list and the last of so many.
const KILLED_AT_ONCE = 200;

/** The idle clients that match, the longest idle first. Our own connection is never idle. */
export async function findIdleClients(
  session: RedisSession,
  filter: IdleClientFilter,
  connection: string,
): Promise<readonly ListedClient[]> {
  const answer = await session.read((client) => client.client('LIST'));
  if (typeof answer !== 'string') {
    throw new StepError('invalid_response', `Redis "${connection}": the answer to CLIENT LIST is no text`, {
      happened: session.happened,
    });
  }
  return parseClientList(answer)
    .filter((client) => isMeant(client, filter))
    .sort((one, other) => other.idleSeconds - one.idleSeconds || one.id - other.id);
}

/** Ends those of the clients that are still idle and still match, and answers with them. */
export async function killIdleClients(
  session: RedisSession,
  ids: readonly number[],
  filter: IdleClientFilter,
  connection: string,
): Promise<readonly ListedClient[]> {
  const killed: ListedClient[] = [];
  for (let from = 0; from < ids.length; from += KILLED_AT_ONCE) {
    const planned = new Set(ids.slice(from, from + KILLED_AT_ONCE));
    const idle = (await findIdleClients(session, filter, connection)).filter(({ id }) => planned.has(id));
    const answers = await session.change((client) =>
      Promise.all(idle.map(({ id }) => client.call('CLIENT', 'KILL', 'ID', id, 'SKIPME', 'YES'))),
    );
    killed.push(...idle.filter((_, index) => answers[index] === 1));
  }
  return killed;
}

function isMeant(client: ListedClient, filter: IdleClientFilter): boolean {
  return (
    client.isPlain &&
    client.idleSeconds * 1_000 > filter.idle_for_ms &&
    (filter.user === null || client.user === filter.user) &&
    (filter.name === null || client.name === filter.name) &&
    (filter.address === null || client.address === filter.address || hostOf(client.address) === filter.address)
  );
}

function hostOf(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}
