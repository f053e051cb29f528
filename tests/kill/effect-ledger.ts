import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';

const effectBody = z.object({ run: z.string() });

/** How long the service and the program take for a change, so that a kill often finds one under way. */
const LONGEST_CHANGE_MS = 20;

/** Something that was changed, as the target itself wrote it down. */
export interface Effect {
  readonly runId: string;
  /** What the caller said to make a repetition recognisable. */
  readonly key: string;
}

/** Two targets that write down every change that reaches them, and never forget or merge one. */
export interface EffectLedger {
  readonly url: string;
  /** A program that makes one entry. */
  readonly program: string;
  /** The file that the program writes to. */
  readonly programLedger: string;
  httpEffects(): readonly Effect[];
  programEffects(): readonly Effect[];
  stop(): Promise<void>;
}

/** Starts the HTTP target; the other one is a script in the folder. */
export async function startEffectLedger(folder: string): Promise<EffectLedger> {
  const httpEffects: Effect[] = [];
  const programLedger = join(folder, 'program.ledger');
  const program = join(folder, 'change');
  appendFileSync(programLedger, '');
  writeFileSync(
    program,
    '#!/bin/sh\nsleep 0.01\nprintf \'%s %s\\n\' "$REMEDYD_RUN_ID" "$REMEDYD_STEP_ID" >> "$LEDGER"\nsleep 0.01\n',
    { mode: 0o755 },
  );
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method === 'GET') return void response.end('ok');
      void (async () => {
        await delay(Math.random() * LONGEST_CHANGE_MS);
        const { run } = effectBody.parse(JSON.parse(Buffer.concat(chunks).toString()));
        httpEffects.push({ runId: run, key: String(request.headers['idempotency-key']) });
        await delay(Math.random() * LONGEST_CHANGE_MS);
        response.end('done');
      })();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the ledger has no port');
  return {
    url: `http://127.0.0.1:${String(address.port)}`,
    program,
    programLedger,
    httpEffects: () => httpEffects,
    programEffects: () =>
      readFileSync(programLedger, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => ({ runId: line.split(' ')[0] ?? '', key: line })),
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
