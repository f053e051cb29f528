import { OUTCOMES } from '../../src/domain/reason.ts';
import { alertOf, payloadOf, startEdge, type Edge } from './edge.ts';

let edge: Edge;
beforeEach(async () => {
  edge = await startEdge();
});
afterEach(() => edge.stop());

async function page(): Promise<string> {
  return (await edge.api('GET', '/metrics')).text();
}

describe('the metrics page', () => {
  it('has every series of the contract from the start', async () => {
    const text = await page();
    const expected = [
      'webhook_requests_total{code="202"} 0',
      'last_webhook_timestamp_seconds 0',
      'alerts_received_total{status="firing"} 0',
      'alerts_duplicate_total 0',
      'alerts_stale_total 0',
      'alerts_quarantined_total 0',
      'alerts_unmatched_total 0',
      'inbox_depth 0',
      'rule_matches_total{rule="act"} 0',
      'gate_decisions_total{rule="act",verdict="hold",reason="cooldown"} 0',
      ...OUTCOMES.map((outcome) => `runs_total{rule="watch",outcome="${outcome}"} 0`),
      'runs_active 0',
      'runs_held{reason="target_busy"} 0',
      'steps_total{remediation="docker.restart_container",outcome="succeeded"} 0',
      'step_duration_seconds_count{remediation="docker.restart_container"} 0',
      'time_to_remediate_seconds_count 0',
      'incidents{status="triggered",severity="P0"} 0',
      'time_to_acknowledge_seconds_count 0',
      'time_to_resolve_seconds_count 0',
      ...['slack', 'pagerduty', 'log'].flatMap((channel) => [
        ...['sent', 'failed', 'dead'].map((outcome) => `notifications_total{channel="${channel}",outcome="${outcome}"} 0`),
        `notification_queue_depth{channel="${channel}"} 0`,
        `notification_oldest_seconds{channel="${channel}"} 0`,
      ]),
      'config_last_reload_successful 1',
      'rules_loaded 4',
      'paused 0',
      'breakers_open 0',
      'build_info{version="1.2.3",revision="abc"} 1',
    ];
    const lines = new Set(text.split('\n'));
    expect(expected.map((line) => `remedyd_${line}`).filter((line) => !lines.has(line))).toEqual([]);
    for (const name of [
      'remedyd_schedule_runs_total',
      'remedyd_store_commit_duration_seconds',
      'process_cpu_seconds_total',
      'nodejs_eventloop_lag_seconds',
    ]) {
      expect(text).toContain(`# TYPE ${name}`);
    }
    expect(text).toMatch(/^remedyd_config_last_reload_success_timestamp_seconds \d/m);
  });

  it('counts what happens, without labels of the alerts', async () => {
    await edge.post(
      payloadOf([
        alertOf({ alertname: 'Act', name: 'needle' }),
        alertOf({ alertname: 'Nobody' }),
        alertOf({ alertname: 'A', x: 1 }),
      ]),
    );
    await edge.post(payloadOf([alertOf({ alertname: 'Act', name: 'needle' })]));
    await edge.post('{');
    const text = await page();
    for (const line of [
      'webhook_requests_total{code="202"} 2',
      'webhook_requests_total{code="400"} 1',
      'alerts_received_total{status="firing"} 3',
      'alerts_duplicate_total 1',
      'alerts_unmatched_total 1',
      'alerts_quarantined_total 1',
      'rule_matches_total{rule="act"} 1',
    ]) {
      expect(text.split('\n')).toContain(`remedyd_${line}`);
    }
    expect(text).not.toContain('needle');
    expect(text).toMatch(/^remedyd_last_webhook_timestamp_seconds 1\d{9}/m);
  });

  it('keeps the last counts while the store cannot be asked', async () => {
    await edge.post(payloadOf([alertOf({ alertname: 'Tell' })]));
    expect(await page()).toMatch(/^remedyd_incidents\{status="triggered",severity="P3"\} 1$/m);
    await edge.store.close();
    expect(await page()).toMatch(/^remedyd_incidents\{status="triggered",severity="P3"\} 1$/m);
    await edge.store.open();
  });
});
