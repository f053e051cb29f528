import * as z from 'zod';
import { API_TOKEN } from './killable-daemon.ts';

const page = z.object({
  incidents: z.array(z.object({ id: z.string(), runs: z.array(z.object({ id: z.string(), outcome: z.string().nullable() })) })),
  next_cursor: z.string().nullable(),
});

/** Somebody who looks at what the daemon lists as interrupted, and lets its targets go on. */
export class Person {
  readonly #url: string;
  readonly #decided = new Set<string>();

  constructor(url: string) {
    this.#url = url;
  }

  /** The runs whose quarantine was lifted. */
  get decided(): ReadonlySet<string> {
    return this.#decided;
  }

  /** Goes through all open incidents once. Returns how many interrupted runs were new. */
  async decide(): Promise<number> {
    const before = this.#decided.size;
    for (let cursor: string | null = ''; cursor !== null;) {
      const query = new URLSearchParams({ status: 'open', limit: '100', ...(cursor === '' ? {} : { cursor }) });
      const { incidents, next_cursor } = page.parse(await this.#call(`/api/v1/incidents?${query.toString()}`));
      for (const { id, runs } of incidents) {
        for (const run of runs.filter(({ outcome }) => outcome === 'interrupted')) {
          if (this.#decided.has(run.id)) continue;
          await this.#call(`/api/v1/incidents/${id}/cancel`, { run: run.id });
          this.#decided.add(run.id);
        }
      }
      cursor = next_cursor;
    }
    return this.#decided.size - before;
  }

  async #call(path: string, body?: object): Promise<unknown> {
    const response = await fetch(`${this.#url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${API_TOKEN}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer: unknown = await response.json();
    if (!response.ok) throw new Error(`${path}: ${String(response.status)} ${JSON.stringify(answer)}`);
    return answer;
  }
}
