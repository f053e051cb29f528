import { copyFileSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Act } from './act.ts';
import { runProgram } from './child-process.ts';
import { findProgram } from './find-program.ts';
import { isVerifiedAndResolved, playIncident } from './play-incident.ts';

const CONTAINER = 'remedyd-demo-web';
const IMAGE = 'remedyd-demo/busybox:latest';
const SOCKET = '/var/run/docker.sock';
/** Hangs the first time it is started, as a process does that waits for something which never comes; a restart helps. */
const PROCESS = 'if [ -e /started ]; then touch /healthy; else touch /started; fi; exec sleep 86400';

/** A container of its own whose process hangs: restarted, and healthy again. */
export async function prepareDockerAct(
  folder: string,
  cleanUp: AsyncDisposableStack,
): Promise<readonly Act[] | { readonly missing: string }> {
  const [docker, busybox, tar] = ['docker', 'busybox', 'tar'].map(findProgram);
  if (docker === undefined || tar === undefined)
    return { missing: 'Docker and a container that hangs: install it (Debian: apt-get install docker.io)' };
  if (busybox === undefined)
    return { missing: 'a container that hangs: its image is made of busybox (Debian: apt-get install busybox-static)' };
  const engine = (...args: string[]): Promise<string> => runProgram(docker, ['-H', `unix://${SOCKET}`, ...args]);
  if (!(await answers(engine))) return { missing: `Docker and a container that hangs: no engine answers at ${SOCKET}` };
  return [
    {
      title: 'A container whose process hangs: restarted, and healthy again.',
      ending: 'the container verified and resolved',
      ruleFile: { name: 'docker.yml', text: RULES },
      connections: { docker: { local: { socket: SOCKET, allow: [CONTAINER] } } },
      play: async (stage) => {
        await importImage({ docker, busybox, tar }, folder);
        cleanUp.defer(() => ignore(engine('image', 'rm', '-f', IMAGE)));
        await ignore(engine('rm', '-f', CONTAINER));
        cleanUp.defer(() => ignore(engine('rm', '-f', CONTAINER)));
        const health = ['--health-cmd', 'test -e /healthy', '--health-interval', '1s', '--health-retries', '1'];
        await engine('run', '-d', '--name', CONTAINER, '--network', 'none', ...health, IMAGE, '/bin/sh', '-c', PROCESS);
        await playIncident(stage, {
          rule: 'container-not-answering',
          alert: {
            labels: { alertname: 'ContainerNotAnswering', container: CONTAINER, severity: 'critical' },
            summary: 'its health check fails',
          },
          system: 'docker',
          isSick: async () => (await engine('inspect', '--format', '{{.State.Health.Status}}', CONTAINER)).trim() === 'unhealthy',
          sick: () => `${CONTAINER} is unhealthy`,
          well: () => `${CONTAINER} is no longer unhealthy`,
          isOver: isVerifiedAndResolved,
        });
      },
    },
  ];
}

/** What is to be removed may be gone. */
async function ignore(call: Promise<string>): Promise<void> {
  await call.catch(() => '');
}

async function answers(engine: (...args: string[]) => Promise<string>): Promise<boolean> {
  try {
    await engine('version');
    return true;
  } catch {
    return false;
  }
}

/** An image of busybox alone, because none may be pulled. */
async function importImage(
  { docker, busybox, tar }: Readonly<Record<'docker' | 'busybox' | 'tar', string>>,
  folder: string,
): Promise<void> {
  const bin = join(folder, 'image', 'bin');
  mkdirSync(bin, { recursive: true });
  copyFileSync(busybox, join(bin, 'busybox'));
  for (const name of ['sh', 'sleep', 'touch', 'test']) symlinkSync('busybox', join(bin, name));
  const archive = join(folder, 'image.tar');
  await runProgram(tar, ['-c', '-f', archive, '-C', join(folder, 'image'), 'bin']);
  await runProgram(docker, ['-H', `unix://${SOCKET}`, 'import', archive, IMAGE]);
}

const RULES = `rules:
  - name: container-not-answering
    description: Restarts a container whose health check fails.
    matchers: ['alertname = "ContainerNotAnswering"', 'container =~ ".+"']
    target: container/{{ labels.container }}
    mode: auto
    escalation_policy: standard
    steps:
      - id: restart
        uses: docker.restart_container
        with: { container: '{{ labels.container }}', stop_timeout: 1s }
    verify:
      checks:
        - uses: docker.inspect_container
          with: { container: '{{ labels.container }}' }
          expect: 'output.health == "healthy"'
          within: 10s
      resolved_within: 20s
`;
