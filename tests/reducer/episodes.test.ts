import { buildRule, buildRung, buildStep, stubRemediation } from '../support/build-rule.ts';
import { MINUTE, SECOND, Stage } from './stage.ts';

function signalsOf(stage: Stage, kind: string): number {
  return stage.signals.filter((signal) => signal.kind === kind).length;
}

describe('an episode', () => {
  test('begins when an unknown alert fires, and opens an incident with a line and a run', () => {
    const stage = new Stage([buildRule()]);
    stage.fire();
    expect(stage.state.episodes).toHaveLength(1);
    expect(stage.incident).toMatchObject({ status: 'triggered', firing: 1, rule: 'restart' });
    expect(stage.line).toMatchObject({ target: 'container/web', firing: 1, episode: 1, runId: stage.run.id });
    expect(stage.run.state).toBe('running');
  });

  test('is only refreshed by a repeat, which wakes nothing', () => {
    const stage = new Stage([buildRule()]);
    stage.pause();
    stage.fire();
    const before = stage.state;
    stage.now += 5 * MINUTE;
    stage.fire({}, { startsAt: stage.now - 1 });
    expect(stage.state.runs).toBe(before.runs);
    expect(stage.state.incidents).toBe(before.incidents);
    expect(stage.episode).toMatchObject({ startsAt: stage.now - 1, lastSeenAt: stage.now });
  });

  test('begins anew after a resolve', () => {
    const stage = new Stage([buildRule({ mode: 'observe' })]);
    stage.fire();
    stage.now += 1 * MINUTE;
    stage.resolve();
    stage.now += 1 * MINUTE;
    stage.fire();
    expect(stage.state.episodes).toHaveLength(2);
    expect(stage.state.episodes.map((episode) => episode.current)).toEqual([false, true]);
    expect(stage.episode.unconfirmedUntil).toBeNull();
    expect(stage.line.episode).toBe(2);
  });

  test('of an alert that was never seen firing is recorded and does nothing', () => {
    const stage = new Stage([buildRule()]);
    stage.resolve();
    expect(stage.episode).toMatchObject({ status: 'resolved', closedBy: 'alertmanager' });
    expect(stage.state.incidents).toEqual([]);
  });

  test('of staging and production with equal labels are apart', () => {
    const stage = new Stage([buildRule()]);
    stage.fire({}, { source: 'staging' });
    stage.fire({}, { source: 'production' });
    expect(stage.state.episodes).toHaveLength(2);
    expect(stage.state.incidents).toHaveLength(2);
  });

  test('of an alert that no rule takes is stored', () => {
    const stage = new Stage([]);
    stage.fire();
    expect(stage.state.episodes).toHaveLength(1);
    expect(signalsOf(stage, 'unmatched')).toBe(1);
  });
});

describe('a stale resolve', () => {
  test.each([
    ['as old as the end before', 0],
    ['older than the end before', -1_000],
  ])('%s changes nothing and is counted', (_name, age) => {
    const stage = new Stage([buildRule()]);
    stage.fire();
    stage.now += 1 * MINUTE;
    const firstEnd = stage.now;
    stage.resolve();
    stage.now += 1 * MINUTE;
    stage.fire();
    stage.resolve({}, { endsAt: firstEnd + age });
    expect(stage.episode.status).toBe('firing');
    expect(signalsOf(stage, 'stale')).toBe(1);
    stage.resolve();
    expect(stage.episode.status).toBe('resolved');
  });

  test('with an older end does not end a doubtful episode', () => {
    const stage = new Stage([buildRule()]);
    stage.fire();
    stage.now += 1 * MINUTE;
    const firstEnd = stage.now;
    stage.resolve();
    stage.fire({}, { startsAt: firstEnd - 1 });
    stage.resolve({}, { endsAt: firstEnd - 1 });
    expect(stage.episode.status).toBe('firing');
    expect(signalsOf(stage, 'stale')).toBe(1);
  });

  test('with the same end does: beside a late copy of the firing comes a copy of its resolve, and nothing must act on them', () => {
    const stage = new Stage([buildRule()]);
    const startsAt = stage.now;
    stage.pause();
    stage.fire();
    stage.now += 1 * MINUTE;
    const firstEnd = stage.now;
    stage.resolve();
    stage.resume();
    stage.fire({}, { startsAt });
    expect(stage.run).toMatchObject({ state: 'held', reason: 'unconfirmed' });
    stage.now += 1 * SECOND;
    stage.resolve({}, { endsAt: firstEnd });
    expect(stage.episode.status).toBe('resolved');
    expect(stage.run).toMatchObject({ state: 'ended', outcome: 'self_resolved' });
  });

  test('of a resolved alert is only counted', () => {
    const stage = new Stage([buildRule()]);
    stage.fire();
    stage.resolve();
    stage.resolve({}, { endsAt: stage.now + 5 });
    expect(signalsOf(stage, 'stale')).toBe(1);
  });
});

describe('a firing with a start before its last end', () => {
  function lateCopy(): Stage {
    const stage = new Stage([buildRule()]);
    const startsAt = stage.now;
    stage.pause();
    stage.fire();
    stage.now += 1 * MINUTE;
    stage.resolve();
    stage.resume();
    stage.fire({}, { startsAt });
    return stage;
  }

  test('opens its incident, and holds its run for 6 minutes', () => {
    const stage = lateCopy();
    expect(stage.incident.firing).toBe(1);
    expect(stage.run).toMatchObject({ state: 'held', reason: 'unconfirmed', wakeAt: stage.now + 6 * MINUTE });
    stage.pass(6 * MINUTE - 1);
    expect(stage.run.state).toBe('held');
    stage.pass(1);
    expect(stage.run.state).toBe('running');
  });

  test('is over with a new resolve', () => {
    const stage = lateCopy();
    stage.now += 1 * SECOND;
    stage.resolve();
    expect(stage.ending).toEqual(['ended', 'self_resolved', 'alerts_resolved']);
  });

  test('runs when Alertmanager says that it is active', () => {
    const stage = lateCopy();
    stage.reconcile('active');
    expect(stage.run.state).toBe('running');
  });
});

describe('a line', () => {
  const byTarget = buildRule({ labels: {} });

  test('takes the alerts of one target; they share a run, and the delay does not start again', () => {
    const stage = new Stage([{ ...byTarget, delayMs: 60 * SECOND }]);
    stage.fire({ alertname: 'Down' });
    stage.pass(30 * SECOND);
    stage.fire({ alertname: 'Slow' });
    expect(stage.state.lines).toHaveLength(1);
    expect(stage.state.runs).toHaveLength(1);
    expect(stage.line.firing).toBe(2);
    stage.pass(30 * SECOND);
    expect(stage.run.state).toBe('running');
    expect(stage.run.frozen?.alerts).toHaveLength(2);
  });

  test('is over when all its alerts are', () => {
    const stage = new Stage([byTarget]);
    stage.pause();
    stage.fire({ alertname: 'Down' });
    stage.fire({ alertname: 'Slow' });
    stage.resolve({ alertname: 'Down' });
    expect(stage.run.state).toBe('held');
    stage.resolve({ alertname: 'Slow' });
    expect(stage.ending).toEqual(['ended', 'self_resolved', 'alerts_resolved']);
    expect(stage.line.closedBy).toBe('alertmanager');
  });

  test('whose run is under way takes an alert without changing what the run saw', () => {
    const stage = new Stage([byTarget]);
    stage.fire({ alertname: 'Down' });
    stage.fire({ alertname: 'Slow' });
    expect(stage.state.runs).toHaveLength(1);
    expect(stage.run.frozen?.alerts).toHaveLength(1);
  });

  test('whose run verifies has to see the new alert resolved too, by the same deadline', () => {
    const stage = new Stage([byTarget]);
    stage.fire({ alertname: 'Down' });
    stage.change();
    const deadline = stage.run.verifyDeadlineAt;
    stage.pass(1 * MINUTE);
    stage.fire({ alertname: 'Slow' });
    stage.resolve({ alertname: 'Down' });
    stage.pass(10 * SECOND);
    expect(stage.run).toMatchObject({ state: 'verifying', verifyDeadlineAt: deadline });
    stage.resolve({ alertname: 'Slow' });
    expect(stage.ending).toEqual(['ended', 'verified', null]);
  });

  test('whose run has ended gets no second run in the same episode', () => {
    const stage = new Stage([byTarget]);
    stage.fire({ alertname: 'Down' });
    stage.fail('plan', 'not_found');
    stage.fire({ alertname: 'Slow' });
    expect(stage.state.runs).toHaveLength(1);
  });

  test('that fires again while its run is at work keeps that run', () => {
    const stage = new Stage([buildRule()]);
    stage.fire();
    stage.now += 1 * SECOND;
    stage.resolve();
    stage.now += 1 * SECOND;
    stage.fire();
    stage.planned();
    stage.fail('act', 'rejected');
    expect(stage.run).toMatchObject({ id: 'run-1', outcome: 'failed', lineEpisode: 2 });
    expect(stage.state.runs).toHaveLength(1);
  });

  test.each([
    ['was ending', (stage: Stage) => stage.planned()],
    ['was cancelled', (stage: Stage) => void stage.cancel()],
  ])('that fires again while its run %s gets another run', (_name, stop) => {
    const finallys = [buildStep('undo', stubRemediation('stub.undo', 'change', 'repeat'))];
    const stage = new Stage([
      buildRule({ rungs: [buildRung([buildStep('restart', stubRemediation('stub.restart'))], { finally: finallys })] }),
    ]);
    stage.fire();
    stage.now += 1 * SECOND;
    stage.resolve();
    stop(stage);
    stage.now += 1 * SECOND;
    stage.fire();
    while (stage.run.id === 'run-1') {
      if (stage.underWay.includes('act')) stage.succeed('act');
      else stage.planned();
    }
    expect(stage.state.runs.map((run) => [run.state, run.lineEpisode])).toEqual([
      ['ended', 1],
      ['running', 2],
    ]);
  });
});

describe('an incident', () => {
  test('keeps an alert whatever group labels arrive later', () => {
    const stage = new Stage([buildRule({ mode: 'observe' })]);
    stage.fire({}, { groupLabels: { team: 'a' } });
    stage.now += 1 * SECOND;
    stage.resolve();
    stage.now += 1 * SECOND;
    stage.fire({}, { groupLabels: { team: 'b' } });
    expect(stage.state.incidents).toHaveLength(1);
  });

  test('is one for each rule and group', () => {
    const stage = new Stage([buildRule({ mode: 'observe', groupBy: ['name'] })]);
    stage.fire({ name: 'web' });
    stage.fire({ name: 'api' });
    expect(stage.state.incidents).toHaveLength(2);
  });

  test('escalates when the target of an alert has no value, and runs nothing', () => {
    const stage = new Stage([buildRule()]);
    stage.fire({ name: '' });
    expect(stage.escalations).toEqual(['missing_value']);
    expect(stage.state.runs).toEqual([]);
  });

  test('has the highest severity that was ever seen', () => {
    const stage = new Stage([buildRule({ labels: {} })]);
    stage.fire({ alertname: 'Slow', severity: 'warning' });
    stage.fire({ alertname: 'Down', severity: 'critical' });
    stage.resolve({ alertname: 'Down', severity: 'critical' });
    expect(stage.incident).toMatchObject({ severity: 'critical', severityRank: 0 });
    expect(stage.run.severityRank).toBe(0);
  });

  test('stays open while Alertmanager leaves alerts out', () => {
    const stage = new Stage([buildRule({ mode: 'observe' })]);
    stage.fire({}, { truncatedAlerts: 3 });
    stage.resolve({}, { truncatedAlerts: 3 });
    stage.pass(10 * MINUTE);
    expect(stage.incident.status).toBe('triggered');
    stage.resolve({}, { truncatedAlerts: 0, endsAt: stage.now });
    stage.pass(2 * MINUTE);
    expect(stage.incident.status).toBe('resolved');
  });

  test('is closed as stale when nothing more is heard of alerts that were left out', () => {
    const stage = new Stage([buildRule({ mode: 'observe' })]);
    stage.fire({}, { truncatedAlerts: 3 });
    stage.resolve({}, { truncatedAlerts: 3 });
    stage.pass(25 * 60 * MINUTE);
    expect(stage.incident).toMatchObject({ status: 'resolved', closedAs: 'stale' });
  });
});

describe('reconciliation', () => {
  test('closes an alert that two looks at least 60 s apart miss', () => {
    const stage = new Stage([buildRule({ mode: 'observe' })]);
    stage.fire();
    stage.reconcile('absent');
    stage.now += 59 * SECOND;
    stage.reconcile('absent');
    expect(stage.episode.status).toBe('firing');
    stage.now += 1 * SECOND;
    stage.reconcile('absent');
    expect(stage.episode).toMatchObject({ status: 'resolved', closedBy: 'reconciled' });
  });

  test('starts over when the alert is seen in between', () => {
    const stage = new Stage([buildRule({ mode: 'observe' })]);
    stage.fire();
    stage.reconcile('absent');
    stage.now += 1 * MINUTE;
    stage.reconcile('active');
    stage.reconcile('absent');
    expect(stage.episode.status).toBe('firing');
  });

  test('never resolves what is silenced', () => {
    const stage = new Stage([buildRule({ mode: 'observe' })]);
    stage.fire();
    stage.reconcile('suppressed');
    stage.now += 5 * MINUTE;
    stage.reconcile('suppressed');
    expect(stage.episode).toMatchObject({ status: 'firing', suppressed: true });
  });
});
