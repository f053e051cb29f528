import * as z from 'zod';
import { NO_CHANGES } from '../../src/domain/store.ts';
import { openApi } from '../../src/handlers/openapi.ts';
import { startEdge, type Edge } from './edge.ts';

const RULES = `
rules:
  - name: backup
    schedule: { cron: '0 2 * * *', timezone: Europe/Berlin }
    target: backup/main
    mode: auto
    escalation_policy: standard
    steps: [{ id: up, uses: docker.restart_container, connection: local, with: { container: web } }]
  - name: observed
    schedule: { cron: '*/5 * * * *' }
    target: thing/observed
    steps: [{ id: up, uses: docker.restart_container, connection: local, with: { container: web } }]
  - name: by-alert
    matchers: ['alertname = "A"']
`;

let edge: Edge;
beforeEach(async () => {
  edge = await startEdge({ rules: RULES });
});
afterEach(async () => {
  expect(edge.faults).toEqual([]);
  await edge.stop();
});

/** The answer of a route, checked against a schema of the description. */
async function get(
  path: string,
  schema: 'Rule' | 'RunDetail',
  from: (body: unknown) => unknown = (body) => body,
): Promise<unknown> {
  const body: unknown = from(await (await edge.api('GET', path, 'viewer')).json());
  const described = JSON.stringify({ ...openApi.components.schemas[schema], $defs: openApi.components.schemas });
  const text = described.replaceAll('#/components/schemas/', '#/$defs/');
  z.fromJSONSchema(JSON.parse(text) as Parameters<typeof z.fromJSONSchema>[0]).parse(body);
  return body;
}

const rule = (name: string): Promise<unknown> =>
  get('/api/v1/rules', 'Rule', (body) =>
    z
      .object({ rules: z.array(z.looseObject({ name: z.string() })) })
      .parse(body)
      .rules.find((each) => each.name === name),
  );

/** The clock has come to the next tick of a rule: so many milliseconds ago. */
async function tick(name: string, agoMs = 0): Promise<number> {
  const dueAt = Date.now() - agoMs;
  const schedules = (await edge.store.schedules('rule'))
    .filter((row) => row.name === name)
    .map((row) => ({ ...row, nextAt: dueAt }));
  await edge.store.transact((tx) => tx.save({ ...NO_CHANGES, schedules }));
  await edge.pipeline.apply({ kind: 'scheduled' });
  return dueAt;
}

const runOf = async (name: string): Promise<string> => {
  const [row] = (await edge.store.schedules('rule')).filter((each) => each.name === name);
  return row?.liveRunId ?? row?.lastRunId ?? '';
};

describe('a rule with a schedule', () => {
  it('shows when it runs next, and that it never ran', async () => {
    expect(await rule('backup')).toMatchObject({
      schedule: {
        cron: '0 2 * * *',
        timezone: 'Europe/Berlin',
        next_run: expect.stringMatching(/T0[01]:00:00\.000Z$/),
        live_run_id: null,
        last_run: null,
        last_skip: null,
      },
    });
    expect(await rule('by-alert')).toMatchObject({ schedule: null });
  });

  it('shows the run that is on its way', async () => {
    await tick('backup');
    const id = await runOf('backup');
    expect(await rule('backup')).toMatchObject({ schedule: { live_run_id: id } });
    expect(await get(`/api/v1/runs/${id}`, 'RunDetail')).toMatchObject({ rule: 'backup', trigger: 'schedule' });
  });

  it('that observes shows what it would have done on its run', async () => {
    const dueAt = await tick('observed');
    const runId = await runOf('observed');
    await edge.pipeline.apply({ kind: 'wake_run', runId });
    await edge.pipeline.apply({
      kind: 'previewed',
      runId,
      steps: [{ address: '0:steps/up', id: 'up', uses: 'docker.restart_container', summary: 'would restart web' }],
    });
    expect(await get(`/api/v1/runs/${runId}`, 'RunDetail')).toMatchObject({
      outcome: 'suppressed',
      reason: 'observe_mode',
      timeline: expect.arrayContaining([expect.objectContaining({ text: 'up: would restart web' })]),
    });
    expect(await rule('observed')).toMatchObject({
      schedule: { last_run: { id: runId, at: new Date(dueAt).toISOString(), outcome: 'suppressed' }, last_skip: null },
    });
  });

  it('shows its last skip, and counts it', async () => {
    const dueAt = await tick('backup', 3_600_000);
    expect(await rule('backup')).toMatchObject({
      schedule: { last_run: null, last_skip: { at: new Date(dueAt).toISOString(), reason: 'missed' } },
    });
    const { text } = await edge.metrics.render();
    const lines = text.split('\n');
    expect(lines).toContain('remedyd_schedule_runs_total{rule="backup",outcome="skipped_missed"} 1');
    for (const outcome of ['completed', 'failed', 'suppressed', 'skipped_paused', 'skipped_target_busy'])
      expect(lines).toContain(`remedyd_schedule_runs_total{rule="observed",outcome="${outcome}"} 0`);
    expect(text).not.toContain('schedule_runs_total{rule="by-alert"');
  });

  it('is taken once by however many look for it', async () => {
    const dueAt = Date.now();
    const schedules = (await edge.store.schedules('rule')).map((row) => ({ ...row, nextAt: dueAt }));
    await edge.store.transact((tx) => tx.save({ ...NO_CHANGES, schedules }));
    await Promise.all(Array.from({ length: 5 }, () => edge.pipeline.apply({ kind: 'scheduled' })));
    expect(await edge.store.runIdsInState(['pending', 'held', 'running', 'ended'])).toHaveLength(2);
  });
});
