import { copyLabels } from '../../src/domain/alert.ts';
import type { ConnectionKind } from '../../src/domain/connection.ts';
import type { Rule } from '../../src/domain/rule.ts';
import { remediations } from '../../src/remediations/index.ts';
import { compileSnapshot } from '../../src/rules/compile-snapshot.ts';
import { ConfiguredConnections } from '../../src/rules/configured-connections.ts';
import { previewSteps } from '../../src/rules/preview-steps.ts';
import type { RuleSettings } from '../../src/rules/rule-settings.ts';
import { SECOND, Stage } from '../reducer/stage.ts';
import { load, loadRule, testSettings } from '../support/rule-settings.ts';

const connections: readonly (readonly [string, ReadonlySet<ConnectionKind>])[] = [
  ['main', new Set<ConnectionKind>(['alertmanager'])],
  ['spare', new Set<ConnectionKind>(['alertmanager'])],
  ['local', new Set<ConnectionKind>(['docker'])],
];
const settings: RuleSettings = { ...testSettings, remediations, connections: new ConfiguredConnections(new Map(connections)) };

const SILENCE = `{ id: quiet, uses: alertmanager.silence, connection: spare, with: { matchers: ['alertname="Lag"'], duration: 10m } }`;
const RESTART = `{ id: restart, uses: docker.restart_container, with: { container: web } }`;

/** The text of a rule with these steps, and with more of its keys. */
function ruleText(steps: readonly string[], more = ''): string {
  return `
rules:
  - name: restart
    mode: auto
    escalation_policy: standard
    matchers: ['alertname = "Down"']
    target: container/web
    steps: [${steps.join(', ')}]
    ${more}
`;
}

function compile(steps: readonly string[], more = ''): Rule {
  return loadRule(ruleText(steps, more), settings);
}

function preview(rule: Rule) {
  const scope = { labels: copyLabels({ alertname: 'Down' }), steps: {}, params: {}, now: 0 };
  return previewSteps(rule, scope).map(({ id, uses, finally: isFinally, connection, if: condition, for_each: forEach }) => ({
    id,
    uses,
    isFinally,
    connection,
    condition,
    forEach,
  }));
}

describe('a step that makes a silence', () => {
  test('is followed by one that ends it, last of `finally`, at the same Alertmanager, and people see it', () => {
    const rule = compile([SILENCE, RESTART], `finally: [{ id: tell, uses: message.post, with: { text: over } }]`);
    expect(preview(rule).slice(-2)).toEqual([
      { id: 'tell', uses: 'message.post', isFinally: true, connection: null, condition: null, forEach: null },
      {
        id: 'expire_quiet',
        uses: 'alertmanager.expire_silence',
        isFinally: true,
        connection: 'spare',
        condition: 'has(steps.quiet.output.id)',
        forEach: null,
      },
    ]);
  });

  test('in a playbook is ended by the playbook', () => {
    const rule = loadRule(
      `${ruleText([`{ id: call, uses: playbook/quietly }`])}
playbooks: [{ name: quietly, steps: [${SILENCE}, ${RESTART}] }]`,
      settings,
    );
    expect(preview(rule).map(({ id, isFinally }) => [id, isFinally])).toEqual([
      ['call', false],
      ['call/quiet', false],
      ['call/restart', false],
      ['call/expire_quiet', true],
    ]);
  });

  test('keeps the digest of what was written, and comes back equal from a snapshot', () => {
    const rule = compile([SILENCE, RESTART]);
    const again = compileSnapshot(rule.snapshot, { remediations });
    expect(again.digest).toBe(rule.digest);
    expect(again.snapshot).toEqual(rule.snapshot);
    expect(preview(again)).toEqual(preview(rule));
    expect(JSON.stringify(rule.snapshot)).not.toContain('expire_');
  });

  test('does not take an id that is taken', () => {
    const rule = compile([SILENCE, RESTART], `finally: [{ id: expire_quiet, uses: wait, with: { for: 1s } }]`);
    expect(rule.rungs[0]?.playbook.finally.map(({ id }) => id)).toEqual(['expire_quiet', 'expire_quiet_2']);
  });

  test('each has one of its own, also without an id', () => {
    const other = `{ uses: alertmanager.silence, connection: main, with: { matchers: ['alertname="Slow"'], duration: 5m } }`;
    expect(compile([SILENCE, other]).rungs[0]?.playbook.finally.map(({ id }) => id)).toEqual(['expire_quiet', 'expire_step_2']);
  });

  test.each([
    [ruleText([RESTART], `finally: [${SILENCE}]`), "step 'quiet' makes a silence at the end of the run"],
    [
      ruleText([SILENCE.replace('spare', `'{{ item }}', for_each: ["main"]`)]),
      "a silence in `for_each` is a name without {{ }}: 'quiet'",
    ],
  ])('is refused where it could not be ended', (text, problem) => {
    expect(load(text, settings).problems.join('\n')).toContain(problem);
  });

  test('is not followed by anything where a rule makes none', () => {
    expect(compile([RESTART]).rungs[0]?.playbook.finally).toEqual([]);
  });
});

/** A run that has made its silence, and is about to do what comes after it. */
function silenced(more = ''): Stage {
  const stage = new Stage([compile([SILENCE, RESTART], more)]);
  stage.fire();
  stage.planned({ touches: ['alertmanager:spare/quiet'] });
  stage.succeed('act', { id: 's-1', ends_at: '2026-01-01T12:10:00.000Z' });
  return stage;
}

/** The id of the silence that is about to be ended. */
function beingEnded(stage: Stage): unknown {
  return stage.state.steps.find(({ address }) => address === '0:finally/expire_quiet')?.params?.['id'];
}

function end(stage: Stage): void {
  stage.planned({ touches: ['alertmanager:spare/s-1'] });
  stage.succeed('act', { previous: 'active' });
}

describe('the silence of a run is ended', () => {
  test('once the repair is verified, not before', () => {
    const stage = silenced();
    stage.change();
    stage.pass(30 * SECOND);
    expect(stage.run.state).toBe('verifying');
    expect(beingEnded(stage)).toBeUndefined();
    stage.resolve();
    stage.pass(10 * SECOND);
    expect(beingEnded(stage)).toBe('s-1');
    end(stage);
    expect(stage.run).toMatchObject({ state: 'ended', outcome: 'verified' });
  });

  test('after a failure', () => {
    const stage = silenced();
    stage.planned();
    stage.fail('act', 'rejected');
    expect(beingEnded(stage)).toBe('s-1');
    end(stage);
    expect(stage.run).toMatchObject({ state: 'ended', outcome: 'failed' });
  });

  test('after a cancel', () => {
    const stage = silenced();
    stage.planned();
    stage.cancel();
    stage.succeed('act');
    expect(beingEnded(stage)).toBe('s-1');
    end(stage);
    expect(stage.run).toMatchObject({ state: 'ended', outcome: 'cancelled' });
  });

  test('and asked for again when Alertmanager does not answer, and the outcome stays', () => {
    const stage = silenced();
    stage.planned();
    stage.fail('act', 'rejected');
    stage.fail('plan');
    stage.pass(2 * SECOND);
    expect(stage.step('0:finally/expire_quiet')).toMatchObject({ attempts: 2, state: 'running' });
    end(stage);
    expect(stage.run).toMatchObject({ state: 'ended', outcome: 'failed' });
  });

  test('by time alone after `interrupted`, when nobody knows what was done', () => {
    const stage = silenced();
    stage.planned();
    stage.fail('act', 'unavailable', 'unknown');
    stage.look({ state: 'unknown' });
    expect(stage.run).toMatchObject({ state: 'ended', outcome: 'interrupted' });
    expect(beingEnded(stage)).toBeUndefined();
  });

  test('not when none was made', () => {
    const stage = new Stage([compile([SILENCE, RESTART])]);
    stage.fire();
    stage.fail('plan', 'not_allowed');
    expect(stage.run).toMatchObject({ state: 'ended', outcome: 'failed' });
    expect(stage.step('0:finally/expire_quiet')).toMatchObject({ state: 'skipped' });
  });

  test('for each item that has one', () => {
    const each = SILENCE.replace(`connection: spare`, `connection: spare, for_each: ['a', 'b', 'c'], on_error: continue`);
    const stage = new Stage([compile([each, RESTART])]);
    stage.fire();
    stage.planned({ touches: ['alertmanager:spare/a'] });
    stage.succeed('act', { id: 's-a', ends_at: '2026-01-01T12:10:00.000Z' });
    stage.fail('plan', 'not_allowed');
    stage.planned({ touches: ['alertmanager:spare/c'] });
    stage.succeed('act', { id: 's-c', ends_at: '2026-01-01T12:10:00.000Z' });
    stage.planned();
    stage.fail('act', 'rejected');
    end(stage);
    end(stage);
    expect([0, 1].map((round) => stage.step(`0:finally/expire_quiet[${round}]`).params?.['id'])).toEqual(['s-a', 's-c']);
    expect(stage.run).toMatchObject({ state: 'ended', outcome: 'failed' });
  });
});
