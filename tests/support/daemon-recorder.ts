import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import * as z from 'zod';

const bodySchema = z.looseObject({ status: z.string(), externalURL: z.string(), alerts: z.array(z.looseObject({})) });

/** A webhook request that went to the daemon. */
export interface RecordedRequest {
  readonly body: z.infer<typeof bodySchema>;
  /** What the daemon answered; 502 while it did not. */
  readonly status: number;
}

/** Stands between Alertmanager and the daemon: passes every request on, and keeps it. */
export interface Recorder {
  readonly url: string;
  readonly requests: readonly RecordedRequest[];
  stop(): Promise<void>;
}

export async function startRecorder(webhookUrl: string): Promise<Recorder> {
  const requests: RecordedRequest[] = [];
  const server = createServer((message, response) => {
    void passOn(message, webhookUrl).then((request) => {
      requests.push(request);
      response.statusCode = request.status;
      response.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the recorder has no port');
  return {
    url: `http://127.0.0.1:${String(address.port)}/`,
    requests,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function passOn(message: IncomingMessage, webhookUrl: string): Promise<RecordedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  const { authorization = '', 'content-type': contentType = '' } = message.headers;
  const status = await fetch(webhookUrl, {
    method: 'POST',
    headers: { authorization, 'content-type': contentType },
    body: text,
  }).then(
    (answer) => answer.status,
    () => 502,
  );
  return { body: bodySchema.parse(JSON.parse(text)), status };
}
