import { beforeAll, describe, expect, test } from '@jest/globals';
import type Docker from 'dockerode';
import type { JsonObject } from '../../../src/domain/json.ts';
import type { AnyRemediation } from '../../../src/domain/remediation.ts';
import { killContainer } from '../../../src/remediations/docker/kill-container.ts';
import { restartContainer } from '../../../src/remediations/docker/restart-container.ts';
import { restartInOrder } from '../../../src/remediations/docker/restart-in-order.ts';
import { rollbackContainer } from '../../../src/remediations/docker/rollback-container.ts';
import { scaleService } from '../../../src/remediations/docker/scale-service.ts';
import { startContainer } from '../../../src/remediations/docker/start-container.ts';
import { stopContainer } from '../../../src/remediations/docker/stop-container.ts';
import { updateContainer } from '../../../src/remediations/docker/update-container.ts';
import { composeLabels } from './scales.ts';
import { plan, PREFIX, type DockerStage } from './stage.ts';

const NAME = `${PREFIX}-guards`;
const CHANGES: readonly (readonly [string, AnyRemediation, JsonObject])[] = [
  ['kill_container', killContainer, { container: NAME, signal: 'KILL' }],
  ['restart_container', restartContainer, { container: NAME }],
  ['restart_in_order', restartInOrder, { containers: [NAME] }],
  ['rollback_container', rollbackContainer, { container: NAME, image: `${PREFIX}/guards:previous`, healthy_within: '5s' }],
  ['scale_service', scaleService, { project: PREFIX, service: 'guards', to: 0, min: 0 }],
  ['start_container', startContainer, { container: NAME }],
  ['stop_container', stopContainer, { container: NAME }],
  ['update_container', updateContainer, { container: NAME, memory: '64MiB' }],
];

export function testGuards(stage: () => DockerStage): void {
  describe('a container that must not be changed', () => {
    let container: Docker.Container;
    let before: Docker.ContainerInspectInfo;

    beforeAll(async () => {
      await stage().createImage(`${PREFIX}/guards:previous`, ['ENV A=1']);
      container = await stage().create('guards', { Labels: composeLabels('guards') });
      before = await container.inspect();
    });

    test.each(CHANGES)(
      'is left alone by %s, also when that was allowed as it was planned',
      async (_name, remediation, params) => {
        const { connection, context } = stage();
        const planned = await plan(remediation, params, context());
        for (const [given, code] of [
          [context({ connection: { ...connection, allow: [] } }), 'not_allowed'],
          [context({ connection: { ...connection, allow: [`${NAME}-*`, `x${NAME}`] } }), 'not_allowed'],
          [context({ ownContainerId: container.id.slice(0, 12) }), 'self_harm'],
        ] as const) {
          await expect(plan(remediation, params, given)).rejects.toMatchObject({ code, happened: 'nothing' });
          await expect(remediation.run(planned, given)).rejects.toMatchObject({ code, happened: 'nothing' });
        }
        const { State, HostConfig, Image } = await container.inspect();
        expect({ State, HostConfig, Image }).toEqual({ State: before.State, HostConfig: before.HostConfig, Image: before.Image });
      },
    );
  });
}
