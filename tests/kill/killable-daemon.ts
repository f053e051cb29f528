import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { plainEnvironment, SOURCE_MAIN } from '../support/daemon-process.ts';
import { findProgram } from '../support/servers/server-catalog.ts';
import type { EffectLedger } from './effect-ledger.ts';

/** What the load shows to be let in, and the person's token for the API. */
export const WEBHOOK_TOKEN = 'webhook-token-of-the-kill-test';
export const API_TOKEN = 'api-token-of-the-kill-test';
/** The name of the webhook credential, which is part of an alert's identity. */
export const SOURCE = 'kill-test';
/** Connections to the same target: a change claims its connection, and runs of different ones do not wait for each other. */
export const LANES = 24;

const POLL_MS = 10;
const READY_WITHIN_MS = 60_000;

/** One life of the daemon. */
export interface DaemonLife {
  readonly startedAt: number;
  /** Resolves with the milliseconds until it was ready, or `undefined` when it was killed before. */
  readonly ready: Promise<number | undefined>;
  readonly isGone: () => boolean;
  /** Ends it; resolves once the process is gone. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | NodeJS.Signals>;
}

/** The files of a daemon that lives many times. */
export interface DaemonHome {
  readonly url: string;
  readonly storePath: string;
  /** Begins a life on the store that the last one left. */
  start(): DaemonLife;
}

export function createDaemonHome(folder: string, port: number, ledger: EffectLedger): DaemonHome {
  const rules = join(folder, 'rules');
  const storePath = join(folder, 'remedyd.db');
  const configFile = join(folder, 'remedyd.yml');
  mkdirSync(rules);
  writeFileSync(join(rules, 'kill.yml'), RULES);
  writeFileSync(configFile, JSON.stringify(configuration(port, storePath, rules, ledger)));
  const url = `http://127.0.0.1:${String(port)}`;
  return { url, storePath, start: () => startLife(folder, configFile, url) };
}

function startLife(folder: string, configFile: string, url: string): DaemonLife {
  const startedAt = performance.now();
  const log = join(folder, 'daemon.log');
  const output = openSync(log, 'a');
  const command = [process.execPath, SOURCE_MAIN, 'serve', '--config', configFile];
  const setpriv = findProgram('setpriv');
  const [file = '', ...args] = setpriv === undefined ? command : [setpriv, '--pdeathsig', 'KILL', '--', ...command];
  const child = spawn(file, args, { env: plainEnvironment({}), stdio: ['ignore', output, output] });
  closeSync(output);
  let isMeantToEnd = false;
  const gone = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  const isGone = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const whenReady = async (): Promise<number | undefined> => {
    while (!(await isReady(url))) {
      if (isMeantToEnd) return undefined;
      if (isGone()) throw new Error(`the daemon ended by itself:\n${tail(log)}`);
      if (performance.now() - startedAt > READY_WITHIN_MS) throw new Error(`the daemon is not ready:\n${tail(log)}`);
      await delay(POLL_MS);
    }
    return performance.now() - startedAt;
  };
  return {
    startedAt,
    ready: whenReady(),
    isGone,
    end: async (signal) => {
      isMeantToEnd = true;
      child.kill(signal);
      return gone;
    },
  };
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/-/ready`);
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

function tail(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8').slice(-4_000) : '';
}

/** Nothing but the kills may stop a run here: the limits are out of reach. */
function configuration(port: number, storePath: string, rules: string, ledger: EffectLedger): object {
  const lanes = Array.from({ length: LANES }, (_, lane) => `lane-${String(lane)}`);
  return {
    listen: `127.0.0.1:${String(port)}`,
    store: { url: `sqlite:${storePath}` },
    rules: [rules],
    log: { level: 'error' },
    auth: {
      webhook: [{ name: SOURCE, bearer_token: WEBHOOK_TOKEN }],
      api: { tokens: [{ person: 'alice', role: 'admin', token: API_TOKEN }] },
    },
    people: { alice: {} },
    connections: {
      http: Object.fromEntries(lanes.map((lane) => [lane, { base_url: ledger.url, allow: ['GET /*', 'POST /*'] }])),
      exec: Object.fromEntries(
        lanes.map((lane) => [lane, { command: [ledger.program], environment: { LEDGER: ledger.programLedger } }]),
      ),
    },
    escalation_policies: { standard: [{ after: '15m', notify: { slack: '#incidents' } }] },
    limits: { storm: '1000000 per 1m', max_runs: '1000000 per 1h', max_concurrent_runs: 1000, settle: '1s' },
  };
}

const RULES = `
defaults:
  mode: auto
  escalation_policy: standard
  safety: { cooldown: 0s, max_runs: [100000 per 24h], max_targets: [100000], breaker: 100000 failures per 24h }
rules:
  - name: change-by-http
    matchers: ['alertname = "KillHttp"']
    target: http/{{ labels.id }}
    steps:
      - id: before
        uses: http.request
        connection: '{{ labels.lane }}'
        with: { method: GET, path: /state }
      - id: change
        uses: http.request
        connection: '{{ labels.lane }}'
        with: { method: POST, path: /change, json: { run: '{{ run.id }}' } }
    verify: { checks: [{ uses: http.request, connection: '{{ labels.lane }}', with: { method: GET, path: /state }, expect: 'output.status == 200' }] }
  - name: change-by-program
    matchers: ['alertname = "KillProgram"']
    target: program/{{ labels.id }}
    steps:
      - { id: change, uses: exec.run, connection: '{{ labels.lane }}' }
    verify: { checks: [{ uses: http.request, connection: '{{ labels.lane }}', with: { method: GET, path: /state }, expect: 'output.status == 200' }] }
`;
