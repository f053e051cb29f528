import type Docker from 'dockerode';
import * as z from 'zod';
import { waitUntil } from './daemon-wait.ts';
import { probeHttp, type Measure } from './exporter.ts';
import type { TestDocker } from './servers/docker.ts';
import { freePort } from './servers/free-port.ts';

/** A web server in a container, whose process can be made to hang. Docker keeps the ledger of what was done to it. */
export interface SickService {
  readonly name: string;
  /** 1 while it answers, 0 while it does not. */
  readonly measure: Measure;
  isAnswering(): Promise<boolean>;
  /** Its process stops in the middle of what it does, and takes no SIGTERM either. */
  hang(): Promise<void>;
  startedAt(): Promise<string>;
  /** What Docker did to it since it was made, such as `restart`, `kill`, `die`. */
  events(): Promise<readonly string[]>;
}

const eventSchema = z.object({ Action: z.string() });

/** Starts the service. With `staysSick` it never answers again once it was started for a second time. */
export async function startSickService(docker: TestDocker, name: string, staysSick = false): Promise<SickService> {
  const port = await freePort();
  const url = `http://127.0.0.1:${String(port)}/`;
  const serve = `echo well >/www/index.html; exec httpd -f -p 127.0.0.1:${String(port)} -h /www`;
  const first = staysSick ? 'if [ -d /www ]; then exec sleep 600; fi; ' : '';
  const since = Math.floor(Date.now() / 1_000);
  const container = await docker.createContainer({ name, network: 'host', cmd: ['sh', '-c', `${first}mkdir -p /www; ${serve}`] });
  const isAnswering = async (): Promise<boolean> => (await probeHttp(url)) === 1;
  await waitUntil(`${name} answers`, async () => ((await isAnswering()) ? true : undefined));
  return {
    name,
    measure: { metric: 'service_answers', labels: { container: name }, read: () => probeHttp(url) },
    isAnswering,
    hang: async () => {
      await container.kill({ signal: 'SIGSTOP' });
      await waitUntil(`${name} hangs`, async () => ((await isAnswering()) ? undefined : true));
    },
    startedAt: async () => (await container.inspect()).State.StartedAt,
    events: () => readEvents(docker.client, name, since),
  };
}

/** The connection of remedyd that may restart such services. */
export function dockerConnection({ host, socket }: TestDocker): object {
  return { ...(socket === undefined ? { host } : { socket }), allow: ['remedyd-e2e-*'] };
}

/** The alert that fires while a service does not answer. */
export const SERVICE_ALERTS = `
groups:
  - name: services
    rules:
      - { alert: ServiceNotAnswering, expr: service_answers == 0 }
`;

async function readEvents(client: Docker, name: string, since: number): Promise<readonly string[]> {
  const until = Math.ceil(Date.now() / 1_000);
  const stream = await client.getEvents({ since, until, filters: JSON.stringify({ type: ['container'], container: [name] }) });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  const lines = Buffer.concat(chunks).toString().split('\n');
  return lines.filter((line) => line.trim() !== '').map((line) => eventSchema.parse(JSON.parse(line)).Action);
}
