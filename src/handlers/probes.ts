import type { Express, Response } from 'express';
import type { Clock } from '../domain/clock.ts';
import { StoreUnavailableError, type Store } from '../domain/store.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';

/** A store that does not say within this time whether it can be written is not ready. */
const PROBE_TIMEOUT_MS = 3_000;

export interface ProbeDeps {
  readonly pipeline: Pick<Pipeline, 'isAccepting'>;
  readonly store: Pick<Store, 'probe'>;
  readonly clock: Clock;
  /** The metrics page in Prometheus' text format. */
  readonly metrics: { render(): Promise<{ readonly contentType: string; readonly text: string }> };
}

/** `/-/healthy`, `/-/ready` and `/metrics`: for machines, without a token, under any host name. */
export function mountProbes(app: Express, deps: ProbeDeps): void {
  app.get('/-/healthy', (_request, response) => sendText(response, 200, 'remedyd is healthy.\n'));
  app.get('/-/ready', async (_request, response) => {
    const problem = await whyNotReady(deps);
    if (problem === undefined) sendText(response, 200, 'remedyd is ready.\n');
    else sendText(response, 503, `remedyd is not ready: ${problem}\n`);
  });
  app.get('/metrics', async (_request, response) => {
    const { contentType, text } = await deps.metrics.render();
    response.status(200).set('Content-Type', contentType).send(text);
  });
}

async function whyNotReady({ pipeline, store, clock }: ProbeDeps): Promise<string | undefined> {
  if (!pipeline.isAccepting) return 'it starts or stops';
  using timeout = clock.timeout(PROBE_TIMEOUT_MS);
  const timedOut = new Promise<string>((resolve) => {
    timeout.signal.addEventListener('abort', () => resolve('the store does not answer'), { once: true });
  });
  const probed = store.probe().then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof StoreUnavailableError) return `the store cannot be written: ${error.message}`;
      throw error;
    },
  );
  return await Promise.race([probed, timedOut]);
}

function sendText(response: Response, status: number, text: string): void {
  response.status(status).type('text/plain').send(text);
}
