import { incidentDetailView } from '../../src/cli/incident-view.ts';
import { textOf } from '../../src/cli/incident.ts';
import { formatIncident, formatIncidentList } from '../../src/cli/print-incident.ts';

const ANSWER = `{
  "id": "inc_1", "rule": "restart", "status": "triggered", "phase": "investigating", "severity": "P1",
  "labels": { "alertname": "Down" }, "started_at": "2026-11-21T08:00:00.000Z", "acknowledged_at": null, "acknowledged_by": null,
  "resolved_at": null, "escalation_level": 1, "truncated_alerts": 2, "fields": { "Impact": "none\\u0007" }, "update_due_at": "2026-11-21T09:00:00.000Z",
  "alerts": [{ "status": "firing", "labels": { "__proto__": "x", "constructor": "y", "evil": "a\\u0000\\u001b[2Jb\\u202e" } }],
  "runs": [{ "id": "run_1", "rule": "restart", "target": "web\\n1", "state": "held", "outcome": null, "reason": "approval",
    "started_at": null, "ended_at": null, "steps": [], "intent_digest": "abc",
    "approval": { "state": "open", "why": "the rule is in mode approve", "roles": ["sre"], "count": 2, "approved_by": ["bob"],
      "timeout_at": "2026-11-21T08:15:00.000Z", "intent": [{ "step": "0:steps/kill", "uses": "docker.kill", "summary": "kill web\\u001b1" }] } }],
  "timeline": [{ "at": "2026-11-21T08:00:01.000Z", "kind": "run_held", "reason": "cooldown", "text": "held by cooldown", "actor": null }]
}`;

describe('an incident on a terminal', () => {
  const incident = incidentDetailView.parse(JSON.parse(ANSWER));

  test('says where it stands, then what happened', () => {
    const lines = formatIncident(incident).split('\n');
    expect(lines[0]).toBe('inc_1  P1  triggered (investigating)  restart');
    expect(lines).toContain('  unseen    2 alerts that Alertmanager left out');
    expect(lines.at(-1)).toMatch(/^ {2}2026-11-21 08:00:01 {2}run_held +held by cooldown$/);
  });

  test('shows every label, whatever it is called, and obeys no control character', () => {
    const text = formatIncident(incident);
    expect(text).toContain('__proto__="x" constructor="y"');
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202a-\u202e]/u);
    expect(text).toContain('web\\u000a1');
  });

  test('shows what people are asked to allow, and what they set', () => {
    const text = formatIncident(incident);
    expect(text).toContain('waits for sre until 2026-11-21T08:15:00.000Z (1 of 2): the rule is in mode approve');
    expect(text).toContain('would kill web\\u001b1  (docker.kill)');
    expect(text).toContain('intent abc');
    expect(text).toMatch(/Impact +none\\u0007/);
    expect(text).toContain('promised until 2026-11-21T09:00:00.000Z');
  });

  test('a list has one line for each, and a word when there are none', () => {
    expect(formatIncidentList([incident], Date.parse('2026-11-21T09:30:00Z')).split('\n')[1]).toMatch(
      /^inc_1 .* 1h30m ago .*restart/,
    );
    expect(formatIncidentList([], 0)).toBe('no incidents');
  });

  test('the answer to a command is printed without obeying it', () => {
    expect(textOf({ text: 'run of a\u0000b' })).toBe('run of a\\u0000b');
  });
});
