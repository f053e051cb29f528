import { Secret } from '../../src/domain/secret.ts';
import { SystemClock } from '../../src/domain/system-clock.ts';
import { startSlackSocket } from '../../src/handlers/slack/slack-socket.ts';
import { ALICE, startSlackWorkspace, STRANGER, type SlackWorkspace } from './slack-workspace.ts';

interface Logged {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: object;
}

/** Keeps what is logged; `line` resolves with the first line of a level. */
class Log {
  readonly lines: Logged[] = [];
  readonly #waiting: (() => void)[] = [];

  info(fields: object, message: string): void {
    this.#add({ level: 'info', message, fields });
  }

  warn(fields: object, message: string): void {
    this.#add({ level: 'warn', message, fields });
  }

  error(fields: object, message: string): void {
    this.#add({ level: 'error', message, fields });
  }

  async line(level: Logged['level']): Promise<Logged> {
    for (;;) {
      const found = this.lines.find((line) => line.level === level);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    }
  }

  #add(line: Logged): void {
    this.lines.push(line);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** Between attempts an hour is as long as four seconds. */
class HurriedClock extends SystemClock {
  override monotonic(): number {
    return super.monotonic() * 900;
  }

  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return super.sleep(ms / 900, signal);
  }
}

let work: SlackWorkspace;
let log: Log;
let socket: ReturnType<typeof startSlackSocket>;
beforeEach(async () => {
  work = await startSlackWorkspace();
  log = new Log();
});
afterEach(async () => {
  await socket.stop();
  await work.stop();
});

function connect(clock = new SystemClock(), appToken = work.slack.appToken): void {
  const { slackIn } = work.edge;
  if (slackIn === undefined) throw new Error('the edge has no Slack');
  socket = startSlackSocket({ slackIn, appToken: new Secret(appToken), apiUrl: work.slack.apiUrl, clock, log });
}

const connected = (): Promise<void> => work.slack.until((slack) => slack.socketCount === 1);

describe('Socket Mode', () => {
  it('takes clicks, and shows the answer to the person', async () => {
    connect();
    await connected();
    const { channel, message, actionId } = await work.target(ALICE, 'ack', 'inc_1');
    const ack = await work.slack.socketClick({ user: ALICE, channel, message, actionId });
    expect(ack.payload).toMatchObject({
      response_type: 'ephemeral',
      replace_original: false,
      text: 'there is no incident inc_1',
    });
    await work.slack.until((slack) => slack.responses.length === 1);
    expect(work.slack.ephemerals.map(({ user, text }) => ({ user, text }))).toEqual([
      { user: ALICE, text: 'there is no incident inc_1' },
    ]);
    expect(work.edge.asked).toEqual([
      {
        kind: 'acknowledge',
        incidentId: 'inc_1',
        actor: expect.objectContaining({
          person: 'alice',
          via: 'slack',
          requestId: expect.stringMatching(/^slack:[0-9a-f]{64}$/),
        }),
      },
    ]);
  });

  it('takes commands, and answers in the acknowledgement', async () => {
    connect();
    await connected();
    const known = await work.slack.socketCommand({ user: ALICE, text: 'list' });
    expect(known.payload).toMatchObject({ response_type: 'ephemeral', text: 'no incident is open' });
    const stranger = await work.slack.socketCommand({ user: STRANGER, text: 'list' });
    expect(stranger.payload).toMatchObject({ text: expect.stringContaining('is not known here') });
    const guest = await work.slack.socketCommand({ user: ALICE, team: 'T0OTHER01', text: 'list' });
    expect(guest.payload).toMatchObject({ text: expect.stringContaining('another workspace') });
  });

  it('acknowledges within 3 s while the store stands still', async () => {
    connect();
    await connected();
    work.edge.store.stall();
    const ack = await work.slack.socketCommand({ user: ALICE, text: 'show inc_1' });
    expect(ack.payload).toMatchObject({ text: 'not recorded: the store does not answer; try again' });
    expect(ack.ms).toBeLessThan(3_000);
  });

  it('connects anew when Slack asks for it, and when the line is cut', async () => {
    connect();
    await connected();
    const opened = () => work.slack.calls.filter(({ method }) => method === 'apps.connections.open').length;
    work.slack.refreshSockets();
    await work.slack.until((slack) => opened() === 2 && slack.socketCount === 1);
    work.slack.cutSockets();
    await work.slack.until((slack) => opened() === 3 && slack.socketCount === 1);
    expect((await work.slack.socketCommand({ user: ALICE, text: 'list' })).payload).toMatchObject({
      text: 'no incident is open',
    });
  });

  it('is tried again until Slack is back', async () => {
    await work.slack.goDown();
    connect(new HurriedClock());
    expect(await log.line('warn')).toMatchObject({ message: 'no Socket Mode connection to Slack; it is tried again' });
    expect(await log.line('error')).toMatchObject({ message: expect.stringContaining('see slack.app_token and the network') });
    await work.slack.comeBack();
    expect(await log.line('info')).toMatchObject({ message: 'connected to Slack over Socket Mode' });
    expect(log.lines.map(({ level }) => level)).toEqual(['warn', 'error', 'info']);
    expect(JSON.stringify(log.lines)).not.toContain(work.slack.appToken);
  });

  it('stops while it is connecting, and with a token that Slack refuses', async () => {
    work.slack.fail({ method: 'apps.connections.open', how: { error: 'invalid_auth' }, times: Infinity });
    connect();
    await work.slack.until((slack) => slack.calls.some(({ method }) => method === 'apps.connections.open'));
    await socket.stop();
    expect(work.slack.socketCount).toBe(0);
    await socket.stop();
  });
});
