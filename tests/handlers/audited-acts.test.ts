import { alertOf, payloadOf } from './edge.ts';
import { ADMIN, ALICE, startSlackWorkspace, VIEWER, type SlackWorkspace } from './slack-workspace.ts';

let work: SlackWorkspace;
beforeEach(async () => {
  work = await startSlackWorkspace({}, { reloadProblems: ['rules/a.yml:3:1: error: unknown key'] });
});
afterEach(() => work.stop());

async function newest(): Promise<unknown> {
  const [entry] = await work.edge.store.auditTrail({ limit: 1 });
  return entry;
}

describe('the audit log has what a person does beside the pipeline, or is refused', () => {
  it('of a message that is to be tried again', async () => {
    expect((await work.edge.api('POST', '/api/v1/notifications/none/retry', 'responder', {})).status).toBe(404);
    expect(await newest()).toMatchObject({
      person: 'the-responder',
      via: 'api',
      action: 'retry_notification',
      subject: 'none',
      ok: false,
      text: 'there is no notification none',
    });
  });

  it('of a reload', async () => {
    expect((await work.edge.api('POST', '/-/reload', 'admin')).status).toBe(500);
    expect(await newest()).toMatchObject({
      person: 'the-admin',
      action: 'reload',
      subject: 'daemon',
      ok: false,
      text: 'the old rules stay live:\nrules/a.yml:3:1: error: unknown key',
    });
  });

  it.each([
    ['/api/v1/incidents/inc-1/approve', 'viewer', '/api/v1/incidents/:id/approve'],
    ['/api/v1/runs', 'viewer', '/api/v1/runs'],
    ['/api/v1/pause', 'responder', '/api/v1/pause'],
    ['/-/reload', 'responder', '/-/reload'],
  ] as const)('of POST %s by a %s', async (path, role, action) => {
    expect((await work.edge.api('POST', path, role, {})).status).toBe(403);
    expect(await newest()).toMatchObject({ person: `the-${role}`, via: 'api', action, subject: path, ok: false });
  });

  it('of a viewer in Slack', async () => {
    const { shown } = await work.click(VIEWER, 'approve', 'of-no-question');
    expect(shown).toContain('the-viewer has the role viewer, which only looks');
    expect(await newest()).toMatchObject({
      person: 'the-viewer',
      via: 'slack',
      action: 'approve',
      subject: 'of-no-question',
      ok: false,
    });
    await work.command(VIEWER, 'resolve inc-1');
    expect(await newest()).toMatchObject({ person: 'the-viewer', action: 'resolve', subject: 'inc-1', ok: false });
    await work.command(ALICE, 'pause 1h because');
    expect(await newest()).toMatchObject({ person: 'alice', action: 'pause', subject: '1h because', ok: false });
    expect((await work.edge.store.switches()).pausedAt).toBeNull();
  });

  it('of those who may, through Slack as through the API', async () => {
    await work.edge.post(payloadOf([alertOf({ alertname: 'Tell' })]));
    const { items } = await work.edge.store.listIncidents({ limit: 1 });
    const id = items[0]?.id ?? '';
    await work.command(ADMIN, 'pause 1h');
    expect(await newest()).toMatchObject({ person: 'the-admin', via: 'slack', action: 'pause', ok: true });
    await work.command(ALICE, `note ${id} "it was me"`);
    expect(await newest()).toMatchObject({
      person: 'alice',
      action: 'note',
      subject: id,
      details: { text: 'it was me' },
      ok: true,
    });
  });
});
