import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copyLabels } from '../src/domain/alert.ts';
import { SystemClock } from '../src/domain/system-clock.ts';
import type { Changes } from '../src/domain/store.ts';
import { SqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import {
  approvalOf,
  changesOf,
  claimOf,
  contentOf,
  entryOf,
  episodeOf,
  incidentOf,
  lineOf,
  memberOf,
  newEpisodeOf,
  runOf,
  scheduleOf,
  stepOf,
} from './support/store-rows.ts';

const DAY_MS = 86_400_000;

describe.each(['a file', 'memory'])('the store in %s', (kind) => {
  let directory: string;
  let store: SqliteStore;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'remedyd-store-'));
    store = new SqliteStore({ path: kind === 'memory' ? ':memory:' : join(directory, 'remedyd.db'), clock: new SystemClock() });
    await store.open();
  });

  afterEach(async () => {
    await store.close();
    await rm(directory, { recursive: true });
  });

  const save = (changes: Partial<Changes>): Promise<void> => store.transact((tx) => tx.save(changesOf(changes)));

  describe('a transaction', () => {
    it('leaves nothing behind when its work fails', async () => {
      const work = store.transact(async (tx) => {
        await tx.save(changesOf({ incidents: [incidentOf('incident-1')] }));
        expect(await tx.incidents(['incident-1'])).toHaveLength(1);
        throw new Error('changed its mind');
      });
      await expect(work).rejects.toThrow('changed its mind');
      expect(await store.incidentDetail('incident-1')).toBeUndefined();
    });

    it('leaves nothing behind when one of its rows is refused', async () => {
      const twins = [incidentOf('incident-1', { groupKey: 'same' }), incidentOf('incident-2', { groupKey: 'same' })];
      await expect(save({ runs: [runOf('run-1')], incidents: twins })).rejects.toThrow('UNIQUE');
      expect(await store.runDetail('run-1')).toBeUndefined();
      await save({ incidents: [incidentOf('incident-3', { groupKey: 'same' })] });
    });

    it('fails as a whole when the work swallows the error of a read', async () => {
      await save({ claims: [claimOf('target:web-1', 'run-1')] });
      const work = store.transact(async (tx) => {
        const incidents = [incidentOf('incident-1', { groupKey: 'same' }), incidentOf('incident-2', { groupKey: 'same' })];
        await tx.save(changesOf({ releasedClaims: ['target:web-1'], incidents }));
        await tx.claims(['target:web-1']).catch(() => []);
        await tx.save(changesOf({ runs: [runOf('run-1')] })).catch(() => undefined);
      });
      await expect(work).rejects.toThrow('UNIQUE');
      expect(await store.transact((tx) => tx.claims(['target:web-1']))).toHaveLength(1);
      expect(await store.runDetail('run-1')).toBeUndefined();
    });

    it('cannot be used after its end', async () => {
      const kept = await store.transact((tx) => Promise.resolve(tx));
      await expect(kept.incidents([])).rejects.toThrow('the transaction is over');
      await expect(kept.save(changesOf({ runs: [runOf('run-1')] }))).rejects.toThrow('the transaction is over');
    });

    it('runs after the one before it, and sees its writes', async () => {
      const counts = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          store.transact(async (tx) => {
            const before = await tx.claims(Array.from({ length: 20 }, (_unused, key) => `target:${key}`));
            await tx.save(changesOf({ claims: [claimOf(`target:${index}`, 'run-1')] }));
            return before.length;
          }),
        ),
      );
      expect(counts).toEqual(Array.from({ length: 20 }, (_, index) => index));
    });

    it('is not seen from outside before its end', async () => {
      const outside: Promise<unknown>[] = [];
      const work = store.transact(async (tx) => {
        await tx.save(changesOf({ incidents: [incidentOf('incident-1')] }));
        await tx.incidents(['incident-1']);
        // In memory this waits for the transaction, so only what it found can be looked at, and later.
        outside.push(store.incidentDetail('incident-1'));
        if (kind === 'a file') await outside[0];
        throw new Error('changed its mind');
      });
      await expect(work).rejects.toThrow('changed its mind');
      expect(await Promise.all(outside)).toEqual([undefined]);
    });

    it('saves ten thousand alerts, and reads them with one statement', async () => {
      const ids = Array.from({ length: 10_000 }, (_, index) => `episode-${index}`);
      await save({
        newEpisodes: ids.map((id) => newEpisodeOf(id)),
        members: ids.map((id) => memberOf('incident-1', id, { target: id })),
      });
      const [episodes, alerts] = await store.transact((tx) =>
        Promise.all([tx.episodes(ids), tx.memberAlerts(['incident-1'], { firingOnly: true, limit: 1 })]),
      );
      expect(episodes).toHaveLength(10_000);
      expect(alerts).toHaveLength(10_000);
    });

    it('writes the columns that differ from what it read, and keeps the others', async () => {
      const runs = [runOf('run-1', { actor: 'ann' }), runOf('run-2'), runOf('run-3')];
      await save({ runs });
      await store.transact(async (tx) => {
        const [first, second, third] = await tx.runs(['run-1', 'run-2', 'run-3']);
        if (first === undefined || second === undefined || third === undefined) throw new Error('no runs');
        await tx.save(
          changesOf({ runs: [{ ...first, state: 'held', heldSince: 5 }, { ...second, state: 'held', heldSince: 6 }, third] }),
        );
        await tx.save(changesOf({ runs: [{ ...first, state: 'held', heldSince: 7 }] }));
      });
      expect(await store.transact((tx) => tx.runs(['run-1', 'run-2', 'run-3']))).toEqual([
        runOf('run-1', { actor: 'ann', state: 'held', heldSince: 7 }),
        runOf('run-2', { state: 'held', heldSince: 6 }),
        runOf('run-3'),
      ]);
    });

    it('lets the last of two rows with one key count', async () => {
      await save({ runs: [runOf('run-1', { rung: 1 }), runOf('run-2'), runOf('run-1', { rung: 2 })] });
      await store.transact(async (tx) => {
        await tx.runs(['run-1', 'run-2']);
        await tx.save(
          changesOf({
            runs: [runOf('run-2', { rung: 5 }), runOf('run-1', { rung: 3, attempt: 9 }), runOf('run-1', { rung: 4 })],
          }),
        );
      });
      expect(await store.transact((tx) => tx.runs(['run-1', 'run-2']))).toEqual([
        runOf('run-1', { rung: 4 }),
        runOf('run-2', { rung: 5 }),
      ]);
    });

    it('replaces a run that it has read and woken by what is saved after that', async () => {
      const held = runOf('run-1', { state: 'held', reason: 'cooldown' });
      await save({ runs: [held] });
      await store.transact(async (tx) => {
        await tx.runs(['run-1']);
        await tx.save(changesOf({ wakeHeld: [{ reasons: ['cooldown'], limit: 1, at: 5 }] }));
        await tx.save(changesOf({ runs: [held] }));
      });
      expect(await store.transact((tx) => tx.runs(['run-1']))).toEqual([held]);
    });

    it('tells how long each commit took', async () => {
      const seconds: number[] = [];
      store.onCommit((duration) => seconds.push(duration));
      await save({ runs: [runOf('run-1')] });
      expect(seconds).toEqual([expect.any(Number)]);
    });
  });

  describe('episodes', () => {
    it('has one current episode of an alert key, which a new one may replace in the same save', async () => {
      const first = newEpisodeOf('episode-1', { alertKey: 'key' });
      const second = newEpisodeOf('episode-2', { alertKey: 'key' });
      await save({ newEpisodes: [first] });
      await expect(save({ newEpisodes: [second] })).rejects.toThrow('UNIQUE');
      await save({
        newEpisodes: [second],
        episodes: [episodeOf('episode-1', { alertKey: 'key', current: false, status: 'resolved' })],
      });
      const current = await store.transact((tx) => tx.currentEpisodes(['key', 'unknown']));
      expect(current.map(({ id }) => id)).toEqual(['episode-2']);
    });

    it('lists current firing ones with their labels, of all names or of some', async () => {
      const labels = copyLabels({ alertname: 'CpuHigh', __proto__x: '1' });
      await save({
        newEpisodes: [
          newEpisodeOf('episode-1', { alertname: 'CpuHigh', ...contentOf({ labels }) }),
          newEpisodeOf('episode-2'),
          newEpisodeOf('episode-3', { status: 'resolved' }),
          newEpisodeOf('episode-4', { current: false }),
        ],
      });
      const [all, some, none] = await store.transact((tx) =>
        Promise.all([tx.firingAlerts(undefined), tx.firingAlerts(['CpuHigh', 'Other']), tx.firingAlerts([])]),
      );
      expect(all.map(({ id }) => id).sort()).toEqual(['episode-1', 'episode-2']);
      expect(some).toEqual([newEpisodeOf('episode-1', { alertname: 'CpuHigh', labels })]);
      expect(none).toEqual([]);
    });

    it('finds those whose last message is old, the oldest first', async () => {
      await save({
        newEpisodes: [
          newEpisodeOf('episode-1', { lastSeenAt: 300 }),
          newEpisodeOf('episode-2', { lastSeenAt: 100 }),
          newEpisodeOf('episode-3', { lastSeenAt: 400 }),
          newEpisodeOf('episode-4', { lastSeenAt: 50, status: 'resolved' }),
        ],
      });
      expect((await store.firingSince(400, 10)).map(({ id }) => id)).toEqual(['episode-2', 'episode-1']);
      expect((await store.firingSince(400, 1)).map(({ id }) => id)).toEqual(['episode-2']);
    });

    it('counts new ones no further than asked', async () => {
      await save({ newEpisodes: [100, 200, 300].map((firstSeenAt) => newEpisodeOf(`episode-${firstSeenAt}`, { firstSeenAt })) });
      const counts = await store.transact((tx) =>
        Promise.all([tx.countNewEpisodes(200, 10), tx.countNewEpisodes(200, 1), tx.countNewEpisodes(301, 10)]),
      );
      expect(counts).toEqual([2, 1, 0]);
    });
  });

  describe('members', () => {
    beforeEach(async () => {
      await save({
        newEpisodes: [
          newEpisodeOf('episode-1', { suppressed: true }),
          newEpisodeOf('episode-2', { unconfirmedUntil: 5000 }),
          newEpisodeOf('episode-3', { status: 'resolved' }),
          newEpisodeOf('episode-4'),
          newEpisodeOf('episode-5'),
        ],
        members: [
          memberOf('incident-1', 'episode-3', { joinedAt: 1 }),
          memberOf('incident-1', 'episode-2', { joinedAt: 3 }),
          memberOf('incident-1', 'episode-1', { joinedAt: 2 }),
          memberOf('incident-1', 'episode-4', { target: 'web-2' }),
          memberOf('incident-1', 'episode-5', { target: null }),
          memberOf('incident-2', 'episode-5', { rule: 'other' }),
        ],
        lines: [
          lineOf('line-1', 'incident-1'),
          lineOf('line-2', 'incident-1', { target: 'web-2' }),
          lineOf('line-3', 'incident-3', { target: 'web-3' }),
        ],
      });
    });

    it('says in which incidents an episode is', async () => {
      const members = await store.transact((tx) => tx.members(['episode-5', 'episode-9']));
      expect(members.map(({ incidentId, target }) => [incidentId, target]).sort()).toEqual([
        ['incident-1', null],
        ['incident-2', 'web-1'],
      ]);
    });

    it('gives the alerts of an incident, firing ones first, as many of each target as asked', async () => {
      const idsOf = async (firingOnly: boolean, limit: number): Promise<readonly string[]> => {
        const alerts = await store.transact((tx) => tx.memberAlerts(['incident-1'], { firingOnly, limit }));
        return alerts.map(({ episode, lineTarget }) => `${episode.id} ${lineTarget}`);
      };
      expect(await idsOf(false, 10)).toEqual([
        'episode-5 null',
        'episode-1 web-1',
        'episode-2 web-1',
        'episode-4 web-2',
        'episode-3 web-1',
      ]);
      expect(await idsOf(true, 1)).toEqual(['episode-5 null', 'episode-1 web-1', 'episode-4 web-2']);
    });

    it('gives the firing alerts of a line', async () => {
      const places = [
        { incidentId: 'incident-1', target: 'web-1' },
        { incidentId: 'incident-2', target: 'web-2' },
      ];
      const alerts = await store.transact((tx) => tx.lineAlerts(places, 10));
      expect(alerts).toEqual([
        {
          incidentId: 'incident-1',
          lineTarget: 'web-1',
          episode: episodeOf('episode-1', { suppressed: true }),
          content: contentOf(),
        },
        {
          incidentId: 'incident-1',
          lineTarget: 'web-1',
          episode: episodeOf('episode-2', { unconfirmedUntil: 5000 }),
          content: contentOf(),
        },
      ]);
    });

    it('says how the firing alerts of a line look, at an instant', async () => {
      const [doubtful, confirmed] = await store.transact((tx) =>
        Promise.all([tx.lineFacts(['line-1', 'line-2', 'line-3', 'line-9'], 4999), tx.lineFacts(['line-1'], 5000)]),
      );
      expect([...doubtful].sort((a, b) => (a.lineId < b.lineId ? -1 : 1))).toEqual([
        { lineId: 'line-1', firing: 2, unsuppressed: 1, confirmed: 1, unconfirmedUntil: 5000 },
        { lineId: 'line-2', firing: 1, unsuppressed: 1, confirmed: 1, unconfirmedUntil: null },
        { lineId: 'line-3', firing: 0, unsuppressed: 0, confirmed: 0, unconfirmedUntil: null },
      ]);
      expect(confirmed).toEqual([{ lineId: 'line-1', firing: 2, unsuppressed: 1, confirmed: 2, unconfirmedUntil: null }]);
    });
  });

  describe('incidents', () => {
    const closed = { status: 'resolved', resolvedAt: 2000 } as const;

    it('has one open incident of a group, which a new one may follow in the same save', async () => {
      const open = incidentOf('incident-1', { groupKey: 'group' });
      await save({ incidents: [open] });
      await expect(save({ incidents: [incidentOf('incident-2', { groupKey: 'group' })] })).rejects.toThrow('UNIQUE');
      await save({ incidents: [incidentOf('incident-2', { groupKey: 'group' }), { ...open, ...closed }] });
    });

    it('gives the open incident of a group, or else the newest closed one', async () => {
      await save({
        incidents: [
          incidentOf('a-1', { groupKey: 'a', startedAt: 3, ...closed }),
          incidentOf('a-2', { groupKey: 'a', startedAt: 1 }),
          incidentOf('b-1', { groupKey: 'b', startedAt: 1, ...closed }),
          incidentOf('b-2', { groupKey: 'b', startedAt: 2, ...closed }),
        ],
      });
      const latest = await store.transact((tx) => tx.latestIncidents(['a', 'b', 'c']));
      expect(latest.map(({ id }) => id).sort()).toEqual(['a-2', 'b-2']);
    });

    it('lists them page by page, the newest first', async () => {
      const incidents = Array.from({ length: 7 }, (_, index) =>
        incidentOf(`incident-${index}`, {
          startedAt: Math.floor(index / 2),
          rule: index === 3 ? 'other' : 'disk-full',
          ...(index < 2 ? closed : {}),
        }),
      );
      await save({ incidents });
      const listed: string[] = [];
      let cursor: string | null = null;
      do {
        const page: Awaited<ReturnType<SqliteStore['listIncidents']>> = await store.listIncidents({
          limit: 3,
          ...(cursor === null ? {} : { cursor }),
        });
        expect(page.items.length).toBeLessThanOrEqual(3);
        listed.push(...page.items.map(({ id }) => id));
        cursor = page.nextCursor;
      } while (cursor !== null);
      expect(listed).toEqual([6, 5, 4, 3, 2, 1, 0].map((index) => `incident-${index}`));
      expect((await store.listIncidents({ limit: 9, status: 'open' })).items).toHaveLength(5);
      expect((await store.listIncidents({ limit: 9, status: 'resolved' })).items).toHaveLength(2);
      expect((await store.listIncidents({ limit: 9, rule: 'other' })).items.map(({ id }) => id)).toEqual(['incident-3']);
    });

    it.each(['', 'x', 'W10', 'e30', 'WzEsMl0'])('refuses the cursor %j', async (cursor) => {
      await expect(store.listIncidents({ limit: 1, cursor })).rejects.toThrow(RangeError);
    });

    it('shows an incident with all that belongs to it', async () => {
      const run = runOf('run-1');
      const step = stepOf('run-1', '0:steps/clean');
      const timeline = [entryOf({ text: 'first' }), entryOf({ text: 'second', runId: 'run-1' })];
      const [first, second] = timeline.map((entry, index) => ({ ...entry, position: index + 1 }));
      const approval = approvalOf('approval-1', 'run-1');
      await save({
        newEpisodes: [newEpisodeOf('episode-1')],
        members: [memberOf('incident-1', 'episode-1')],
        incidents: [incidentOf('incident-1'), incidentOf('incident-2')],
        lines: [lineOf('line-1', 'incident-1')],
        runs: [run, runOf('run-2', { incidentId: 'incident-2' })],
        steps: [step, stepOf('run-2', '0:steps/clean')],
        timeline: [...timeline, entryOf({ incidentId: 'incident-2' })],
        approvals: [approval, approvalOf('approval-2', 'run-2', { incidentId: 'incident-2' })],
      });
      expect(await store.incidentDetail('incident-1')).toEqual({
        incident: incidentOf('incident-1'),
        lines: [lineOf('line-1', 'incident-1')],
        alerts: [{ incidentId: 'incident-1', lineTarget: 'web-1', episode: episodeOf('episode-1'), content: contentOf() }],
        runs: [run],
        steps: [step],
        timeline: [first, second],
        approvals: [approval],
      });
      expect(await store.runDetail('run-1')).toEqual({ run, steps: [step], timeline: [second], approvals: [approval] });
      expect(await store.runDetail('run-9')).toBeUndefined();
    });
  });

  describe('lines', () => {
    it('has one line of an incident and target', async () => {
      await save({ lines: [lineOf('line-1', 'incident-1')] });
      await expect(save({ lines: [lineOf('line-2', 'incident-1')] })).rejects.toThrow('UNIQUE');
    });

    it('finds lines by id, place and incident', async () => {
      await save({ lines: [lineOf('line-1', 'incident-1'), lineOf('line-2', 'incident-2', { target: 'web-2' })] });
      const found = await store.transact((tx) =>
        Promise.all([
          tx.lines(['line-1', 'line-9']),
          tx.linesAt([
            { incidentId: 'incident-2', target: 'web-2' },
            { incidentId: 'incident-1', target: 'web-2' },
          ]),
          tx.linesOfIncidents(['incident-1', 'incident-2']),
        ]),
      );
      expect(found.map((lines) => lines.map(({ id }) => id))).toEqual([['line-1'], ['line-2'], ['line-1', 'line-2']]);
    });
  });

  describe('runs', () => {
    it('replaces a run by its id', async () => {
      await save({ runs: [runOf('run-1')] });
      const ended = runOf('run-1', { state: 'ended', outcome: 'verified', endedAt: 5 });
      await save({ runs: [ended] });
      expect(await store.transact((tx) => tx.runs(['run-1']))).toEqual([ended]);
      expect(await store.transact((tx) => tx.runsOfIncidents(['incident-1']))).toEqual([ended]);
    });

    it('replaces a step by its run and address, and keeps their order', async () => {
      await save({ steps: [stepOf('run-1', 'b', { position: 1 }), stepOf('run-1', 'a', { position: 2 })] });
      await save({ steps: [stepOf('run-1', 'a', { position: 2, state: 'succeeded' })] });
      const steps = await store.transact((tx) => tx.steps(['run-1']));
      expect(steps.map(({ address, state }) => [address, state])).toEqual([
        ['b', 'pending'],
        ['a', 'succeeded'],
      ]);
    });

    it('sets claims, then releases', async () => {
      await save({ claims: [claimOf('target:a', 'run-1'), claimOf('target:b', 'run-1')] });
      await save({
        claims: [claimOf('target:a', 'run-2'), claimOf('target:c', 'run-2')],
        releasedClaims: ['target:b', 'target:c'],
      });
      const [byKey, ofRuns] = await store.transact((tx) =>
        Promise.all([tx.claims(['target:a', 'target:b', 'target:c']), tx.claimsOfRuns(['run-1', 'run-2'])]),
      );
      expect(byKey).toEqual([claimOf('target:a', 'run-2')]);
      expect(ofRuns).toEqual(byKey);
    });

    it('gives briefs of what is active, or acted lately, on the targets or of the rules', async () => {
      await save({
        runs: [
          runOf('running', { state: 'running', target: 'x' }),
          runOf('verifying', { state: 'verifying', rule: 'other', target: 'x', actingAt: 10 }),
          runOf('acted', { state: 'ended', outcome: 'verified', actingAt: 500, endedAt: 600, target: 'x' }),
          runOf('acted here', { state: 'ended', rule: 'other', actingAt: 500, target: 'web-1' }),
          runOf('acted long ago', { state: 'ended', actingAt: 499 }),
          runOf('pending'),
          runOf('elsewhere', { state: 'running', rule: 'other', target: 'y' }),
        ],
      });
      const briefs = await store.transact((tx) => tx.briefs({ targets: ['web-1', 'x'], rules: ['disk-full'], since: 500 }));
      expect(briefs.map(({ id }) => id).sort()).toEqual(['acted', 'acted here', 'running', 'verifying']);
      expect(briefs.find(({ id }) => id === 'acted')).toEqual({
        id: 'acted',
        rule: 'disk-full',
        target: 'x',
        state: 'ended',
        outcome: 'verified',
        recurred: false,
        readsOnly: false,
        trigger: 'alert',
        actingAt: 500,
        endedAt: 600,
      });
    });

    it('counts what runs and what acted', async () => {
      await save({
        runs: [
          runOf('run-1', { state: 'running', actingAt: 100 }),
          runOf('run-2', { state: 'running', readsOnly: true }),
          runOf('run-3', { state: 'verifying', actingAt: 200 }),
          runOf('run-4', { state: 'ended', actingAt: 300 }),
        ],
      });
      const counts = await store.transact((tx) =>
        Promise.all([tx.countRunning(), tx.countActingRuns(200, 9), tx.countActingRuns(0, 2), tx.countActingRuns(301, 9)]),
      );
      expect(counts).toEqual([1, 2, 2, 0]);
    });

    it('finds the ids of runs by state, the oldest first', async () => {
      await save({
        runs: [
          runOf('run-1', { state: 'running', createdAt: 2 }),
          runOf('run-2', { state: 'verifying', createdAt: 1 }),
          runOf('run-3', { state: 'ended', createdAt: 0 }),
        ],
      });
      expect(await store.runIdsInState(['running', 'verifying'])).toEqual(['run-2', 'run-1']);
      expect(await store.runIdsInState(['ended', 'running'])).toEqual(['run-3', 'run-1']);
      expect(await store.runIdsInState([])).toEqual([]);
    });

    it('wakes the most urgent held runs of each reason, and the others not', async () => {
      const held = (id: string, severityRank: number, createdAt: number, wakeAt: number | null = null) =>
        runOf(id, { state: 'held', reason: 'target_busy', severityRank, createdAt, wakeAt });
      await save({
        runs: [
          held('old', 1, 1),
          held('severe', 0, 3),
          held('young', 1, 2),
          runOf('running', { state: 'running', reason: 'target_busy' }),
          runOf('other', { state: 'held', reason: 'cooldown', wakeAt: 9_000 }),
        ],
      });
      await save({ wakeHeld: [{ reasons: ['target_busy', 'concurrency'], limit: 2, at: 50 }] });
      expect(await store.due(50, 9)).toEqual({ runIds: ['severe', 'old'], incidentIds: [], isScheduleDue: false, nextAt: 9_000 });
      await save({ wakeHeld: [{ reasons: ['cooldown'], limit: 2, at: 60 }] });
      expect((await store.due(60, 9)).runIds).toEqual(['severe', 'other', 'old']);
    });

    it('does not put off a run that is already due when it wakes it', async () => {
      await save({ runs: [runOf('run-1', { state: 'held', reason: 'cooldown', wakeAt: 10 })] });
      await save({ wakeHeld: [{ reasons: ['cooldown'], limit: 1, at: 50 }], wakeAllHeldAt: 60 });
      expect((await store.due(10, 9)).runIds).toEqual(['run-1']);
    });

    it('wakes all that are pending or held when rules have changed', async () => {
      await save({
        runs: [
          runOf('pending'),
          runOf('held', { state: 'held', wakeAt: 9_000 }),
          runOf('running', { state: 'running' }),
          runOf('ended', { state: 'ended' }),
        ],
      });
      await save({ wakeAllHeldAt: 70 });
      expect((await store.due(70, 9)).runIds).toEqual(['held', 'pending']);
    });
  });

  describe('due work', () => {
    it('is the most urgent first, with the instant of what comes next', async () => {
      await save({
        runs: [
          runOf('run-1', { severityRank: 2, createdAt: 1, wakeAt: 10 }),
          runOf('run-2', { severityRank: 1, createdAt: 3, wakeAt: 100 }),
          runOf('run-3', { severityRank: 1, createdAt: 2, wakeAt: 50 }),
          runOf('run-4', { wakeAt: 101 }),
        ],
        incidents: [
          incidentOf('incident-1', { severityRank: 1, wakeAt: 100 }),
          incidentOf('incident-2', { wakeAt: 5 }),
          incidentOf('incident-3', { wakeAt: 300 }),
        ],
      });
      expect(await store.due(100, 10)).toEqual({
        runIds: ['run-3', 'run-2', 'run-1'],
        incidentIds: ['incident-2', 'incident-1'],
        isScheduleDue: false,
        nextAt: 101,
      });
      expect(await store.due(100, 2)).toEqual({
        runIds: ['run-3', 'run-2'],
        incidentIds: ['incident-2', 'incident-1'],
        isScheduleDue: false,
        nextAt: 100,
      });
      expect(await store.due(300, 10)).toMatchObject({ nextAt: null });
    });
  });

  describe('the daemon', () => {
    it('has switches that are off until they are set', async () => {
      const off = await store.switches();
      expect(off).toMatchObject({ pausedAt: null, bootAt: 0 });
      const paused = { ...off, pausedAt: 5, pausedBy: 'ann', pauseReason: 'maintenance', bootAt: 3, downtimeMs: 7 };
      await save({ switches: paused });
      expect(await store.switches()).toEqual(paused);
      expect(await store.transact((tx) => tx.switches())).toEqual(paused);
    });

    it('remembers its last sign of life', async () => {
      expect(await store.beat(100)).toBeNull();
      await store.probe();
      expect(await store.beat(200)).toBe(100);
    });

    it('knows when the first rule is due by the clock', async () => {
      const backup = scheduleOf('backup', { nextAt: 50 });
      await save({ schedules: [backup, scheduleOf('report', { nextAt: 70 }), scheduleOf('never')] });
      await save({ schedules: [scheduleOf('freeze', { kind: 'window', nextAt: 10 })] });
      expect(await store.due(49, 9)).toMatchObject({ isScheduleDue: false, nextAt: 50 });
      expect(await store.due(50, 9)).toMatchObject({ isScheduleDue: true, nextAt: null });
      await save({ schedules: [{ ...backup, nextAt: 90, lastAt: 50 }] });
      expect(await store.due(50, 9)).toMatchObject({ isScheduleDue: false, nextAt: 70 });
    });

    it('forgets the schedules of rules that have none, and no other row of their name', async () => {
      const window = scheduleOf('backup', { kind: 'window' });
      await save({ schedules: [scheduleOf('backup'), scheduleOf('report'), window] });
      await save({ removedSchedules: ['backup'] });
      expect((await store.schedules('rule')).map(({ name }) => name)).toEqual(['report']);
      expect(await store.schedules('window')).toEqual([window]);
    });

    it('keeps breakers by rule', async () => {
      const open = { rule: 'disk-full', openedAt: 5, rearmedAt: 0, rearmedBy: null };
      const closed = { rule: 'another', openedAt: null, rearmedAt: 4, rearmedBy: 'ann' };
      await save({ breakers: [open, closed] });
      expect(await store.listBreakers()).toEqual([closed, open]);
      expect(await store.transact((tx) => tx.breakers(['disk-full', 'unknown']))).toEqual([open]);
    });

    it('keeps the first definition of a rule under a digest', async () => {
      await save({ ruleSnapshots: [{ digest: 'a', definition: 'rule a' }] });
      await save({ ruleSnapshots: [{ digest: 'a', definition: 'changed' }] });
      expect(await store.ruleSnapshots(['a', 'b'])).toEqual(new Map([['a', 'rule a']]));
    });

    it('shows what could not be read, the newest first', async () => {
      const alert = (reason: string) => ({ reason, payload: { labels: 7 }, source: 'alertmanager', receivedAt: 5 });
      await save({ quarantined: [alert('first'), alert('second')] });
      const expected = { receivedAt: 5, source: 'alertmanager', reason: 'second', payload: '{"labels":7}' };
      expect(await store.listQuarantined(1)).toEqual([expected]);
      expect(await store.listQuarantined(9)).toHaveLength(2);
    });

    it('counts for the metrics', async () => {
      await save({
        incidents: [
          incidentOf('incident-1'),
          incidentOf('incident-2'),
          incidentOf('incident-3', { status: 'acknowledged', severity: 'P2' }),
          incidentOf('incident-4', { status: 'resolved' }),
        ],
        runs: [
          runOf('run-1', { state: 'held', reason: 'cooldown' }),
          runOf('run-2', { state: 'running' }),
          runOf('run-3', { state: 'verifying' }),
          runOf('run-4', { state: 'ended', rule: 'a', outcome: 'verified', endedAt: 10 }),
          runOf('run-5', { state: 'ended', rule: 'a', outcome: 'verified', endedAt: 9 }),
        ],
        breakers: [{ rule: 'disk-full', openedAt: 5, rearmedAt: 0, rearmedBy: null }],
      });
      const counts = await store.counts();
      expect({ ...counts, openIncidents: [...counts.openIncidents].sort((a, b) => b.count - a.count) }).toEqual({
        openIncidents: [
          { status: 'triggered', severity: 'P1', count: 2 },
          { status: 'acknowledged', severity: 'P2', count: 1 },
        ],
        runsHeld: [{ reason: 'cooldown', count: 1 }],
        runsActive: 2,
        breakersOpen: 1,
      });
      expect(await store.outcomes(10)).toEqual([{ rule: 'a', outcome: 'verified', count: 1 }]);
    });
  });

  describe('prune', () => {
    const old = { status: 'resolved', startedAt: 1, resolvedAt: 2 } as const;
    const before = 100 * DAY_MS;

    it('deletes old closed incidents with all that they hold, and nothing else', async () => {
      const incident = (id: string, overrides = {}) => incidentOf(id, { ...old, ...overrides });
      const ended = (id: string, incidentId: string | null, overrides = {}) =>
        runOf(id, { incidentId, state: 'ended', endedAt: 3, ...overrides });
      await save({
        newEpisodes: ['gone', 'open', 'loose']
          .map((id) => newEpisodeOf(id, { status: 'resolved' }))
          .concat(newEpisodeOf('firing')),
        members: [memberOf('gone', 'gone'), memberOf('open', 'open')],
        incidents: [
          incident('gone'),
          incident('open', { status: 'triggered' }),
          incident('young', { resolvedAt: before }),
          incident('quarantined'),
          incident('busy'),
        ],
        lines: [lineOf('line-1', 'gone'), lineOf('line-2', 'open')],
        runs: [
          ended('gone', 'gone'),
          ended('open', 'open'),
          ended('quarantined', 'quarantined', { quarantined: true }),
          runOf('busy', { incidentId: 'busy', state: 'verifying' }),
          ended('loose', null),
          ended('loose young', null, { endedAt: before }),
        ],
        steps: ['gone', 'open', 'loose'].map((runId) => stepOf(runId, 'a')),
        timeline: [
          entryOf({ incidentId: 'gone' }),
          entryOf({ incidentId: 'open' }),
          entryOf({ incidentId: null, runId: 'loose' }),
          entryOf({ incidentId: null, runId: null }),
        ],
        quarantined: [{ reason: 'old', payload: null, source: 's', receivedAt: 5 }],
      });
      // Of `gone`: incident, line, member, run, step, entry, episode and its content. Loose: run, step, two entries, an episode, its
      // content, an unreadable alert.
      expect(await store.prune(before, 100)).toBe(15);
      expect(await store.prune(before, 100)).toBe(0);
      expect((await store.listIncidents({ limit: 9 })).items.map(({ id }) => id).sort()).toEqual([
        'busy',
        'open',
        'quarantined',
        'young',
      ]);
      expect(await store.runIdsInState(['ended'])).toEqual(['loose young', 'open', 'quarantined']);
      const [episodes, alerts] = await store.transact((tx) =>
        Promise.all([tx.episodes(['gone', 'open', 'loose', 'firing']), tx.firingAlerts(undefined)]),
      );
      expect(episodes.map(({ id }) => id).sort()).toEqual(['firing', 'open']);
      expect(alerts).toHaveLength(1);
      expect((await store.incidentDetail('open'))?.timeline).toHaveLength(1);
    });

    it('goes in batches', async () => {
      await save({ incidents: Array.from({ length: 5 }, (_, index) => incidentOf(`incident-${index}`, old)) });
      expect([
        await store.prune(before, 2),
        await store.prune(before, 2),
        await store.prune(before, 2),
        await store.prune(before, 2),
      ]).toEqual([2, 2, 1, 0]);
    });
  });
});
