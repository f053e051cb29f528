import { buildRule, buildRung, buildStep, stubRemediation } from '../support/build-rule.ts';
import { Stage, person } from './stage.ts';

const bob = person('bob');

test.each(['approve', 'reject'] as const)('to %s at a gate answers no question that the run has come to meanwhile', (kind) => {
  const stage = new Stage([
    buildRule({ mode: 'approve', rungs: [buildRung([buildStep('one', stubRemediation('stub.change'))])] }),
  ]);
  stage.fire();
  stage.ask();
  const { id: runId, incidentId } = stage.run;
  const answer = stage.apply({ kind, incidentId, runId, isAtGate: true, actor: bob });
  expect(answer).toMatchObject({ ok: false, code: 'conflict', text: expect.stringContaining('look at the incident again') });
  expect(stage.approval).toMatchObject({ state: 'open', approvedBy: [] });
  expect(stage.run).toMatchObject({ state: 'held', reason: 'approval' });
});
