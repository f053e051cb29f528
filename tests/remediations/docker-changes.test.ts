import { afterAll, beforeAll } from '@jest/globals';
import { describeWith } from '../support/servers/describe-with.ts';
import { createStage } from './docker-changes/stage.ts';
import { testGuards } from './docker-changes/guards.ts';
import { testInOrder } from './docker-changes/in-order.ts';
import { testOneContainer } from './docker-changes/one-container.ts';
import { testPrivileges } from './docker-changes/privileges.ts';
import { testPrunes } from './docker-changes/prunes.ts';
import { testRollback } from './docker-changes/rollback.ts';
import { testScales } from './docker-changes/scales.ts';

// One file, because an engine takes seconds to start.
describeWith('docker', 'changes on a real engine', () => {
  let stage: Awaited<ReturnType<typeof createStage>>;

  beforeAll(async () => {
    stage = await createStage();
  }, 120_000);
  afterAll(() => stage.stop(), 60_000);

  testGuards(() => stage);
  testOneContainer(() => stage);
  testInOrder(() => stage);
  testPrunes(() => stage);
  testScales(() => stage);
  testRollback(() => stage);
  testPrivileges(() => stage);
});
