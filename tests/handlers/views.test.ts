import type { Line, Run } from '../../src/domain/state.ts';
import { phaseOf } from '../../src/domain/phase-of.ts';
import { incidentOf, lineOf, runOf } from '../support/store-rows.ts';

const firing = (id: string, runId: string | null): Line => lineOf(id, 'inc', { firing: 1, runId });
const resolved = (id: string): Line => lineOf(id, 'inc', { firing: 0, runId: null });
const running = runOf('running', { state: 'running', outcome: null });
const held = runOf('held', { state: 'held', outcome: null });
const verifying = runOf('verifying', { state: 'verifying', outcome: null });
const verified = runOf('verified', { state: 'ended', outcome: 'verified' });
const failed = runOf('failed', { state: 'ended', outcome: 'failed' });
const runs: readonly Run[] = [running, held, verifying, verified, failed];

it.each<[string, readonly Line[], readonly Run[], string]>([
  ['nothing acts', [firing('a', null)], [], 'investigating'],
  ['the run is held', [firing('a', 'held')], [held], 'investigating'],
  ['the run failed', [firing('a', 'failed')], [failed], 'investigating'],
  ['one run is running', [firing('a', 'running'), firing('b', 'verified')], runs, 'identified'],
  ['one line is left', [firing('a', 'verifying'), firing('b', 'failed')], [verifying, failed], 'investigating'],
  ['every line is watched', [firing('a', 'verifying'), firing('b', 'verified'), resolved('c')], runs, 'monitoring'],
])('the phase while %s', (_what, lines, newest, phase) => {
  expect(phaseOf(incidentOf('inc', { status: 'acknowledged', firing: 1 }), lines, newest)).toBe(phase);
});

it.each<[string, Run, string]>([
  ['waits for people', runOf('waiting', { state: 'held', startedAt: 1, outcome: null }), 'identified'],
  ['has failed', failed, 'investigating'],
  ['verifies', verifying, 'monitoring'],
])('the phase of the incident of a run that no alert began and that %s', (_what, run, phase) => {
  expect(phaseOf(incidentOf('inc', { status: 'triggered', firing: 0 }), [], [run])).toBe(phase);
});

it('the phase of an incident without lines', () => {
  expect(phaseOf(incidentOf('inc', { status: 'triggered', firing: 1 }), [], [])).toBe('investigating');
  expect(phaseOf(incidentOf('inc', { status: 'triggered', firing: 0 }), [], [])).toBe('monitoring');
  expect(phaseOf(incidentOf('inc', { status: 'resolved', firing: 1 }), [firing('a', 'running')], runs)).toBe('resolved');
});
