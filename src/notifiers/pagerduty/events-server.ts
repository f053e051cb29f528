import { Agent, type AgentOptions } from 'node:https';
import { connect, type NetConnectOpts } from 'node:net';

/** Where events go, as pdjs takes it. */
export interface EventsServer {
  /** `host[:port][/path]`: pdjs puts `https://` before it and `/v2/…` after it. */
  readonly server: string;
  readonly agent: Agent;
}

/**
 * The server of `events_url`, or PagerDuty's own. pdjs knows only https: for http (a proxy beside the daemon) its agent
 * connects without TLS.
 */
export function eventsServer(eventsUrl = 'https://events.pagerduty.com'): EventsServer {
  const { protocol, hostname, port, pathname } = new URL(eventsUrl);
  const isPlain = protocol === 'http:';
  const host = port !== '' ? `${hostname}:${port}` : isPlain ? `${hostname}:80` : hostname;
  // As others have it in their configuration, with the path of the API.
  const path = pathname.replace(/\/+$/, '').replace(/\/v2(?:\/(?:change\/)?enqueue)?$/, '');
  return { server: `${host}${path}`, agent: isPlain ? new PlainAgent() : new Agent() };
}

/** Speaks http where it is asked for https. */
class PlainAgent extends Agent {
  override createConnection(options: AgentOptions & NetConnectOpts): ReturnType<typeof connect> {
    return connect(options);
  }
}
