import type { IncidentDetailView } from '../incident-view.ts';
import type { Act } from './act.ts';
import { isVerifiedAndResolved, playIncident } from './play-incident.ts';
import { startSickService } from './sick-service.ts';

interface ServiceAct {
  readonly service: string;
  readonly staysSick: boolean;
  readonly title: string;
  readonly ending: string;
  readonly isOver: (incident: IncidentDetailView) => boolean;
}

const ACTS: readonly ServiceAct[] = [
  {
    service: 'shop',
    staysSick: false,
    title: 'A web service whose workers hang: recycled, checked, resolved.',
    ending: 'the shop verified and resolved',
    isOver: isVerifiedAndResolved,
  },
  {
    service: 'reports',
    staysSick: true,
    title: 'The same repair where it does not help: nobody pretends, a person is told.',
    ending: 'the reports ineffective and escalated',
    isOver: ({ status, escalation_level, runs }) =>
      status !== 'resolved' && escalation_level > 0 && runs.every((run) => run.outcome === 'ineffective') && runs.length > 0,
  },
];

/** The two acts that need nothing but this program: a repair that helps, and the same where it does not. */
export function prepareServiceActs(_folder: string, cleanUp: AsyncDisposableStack): Promise<readonly Act[]> {
  return Promise.all(ACTS.map((act) => prepareServiceAct(act, cleanUp)));
}

async function prepareServiceAct(
  { service, staysSick, title, ending, isOver }: ServiceAct,
  cleanUp: AsyncDisposableStack,
): Promise<Act> {
  const sick = await startSickService({ staysSick }, cleanUp);
  const rule = `recycle-${service}`;
  return {
    title,
    ending,
    ruleFile: { name: `${service}.yml`, text: ruleFileOf(rule, service) },
    connections: { http: { [service]: { base_url: sick.url, allow: ['GET /health', 'POST /admin/recycle'] } } },
    play: async (stage) => {
      sick.sicken();
      await playIncident(stage, {
        rule,
        alert: { labels: { alertname: 'ServiceNotAnswering', service, severity: 'critical' }, summary: `${service} answers 503` },
        system: service,
        isSick: async () => !(await fetch(`${sick.url}/health`)).ok,
        sick: () => `/health answers 503: ${String(sick.stuck())} workers hang, none is left`,
        well: () => `/health answers 200: ${String(sick.stuck())} workers hang`,
        isOver,
      });
      if (staysSick) stage.tell(service, `/health still answers 503, and the incident stays open for a person`);
    },
  };
}

function ruleFileOf(rule: string, service: string): string {
  return `rules:
  - name: ${rule}
    description: Recycles the workers of ${service} when none is left.
    matchers:
      - 'alertname = "ServiceNotAnswering"'
      - 'service = "${service}"'
    target: service/{{ labels.service }}
    mode: auto
    escalation_policy: standard
    steps:
      - { id: before, uses: http.request, connection: ${service}, with: { method: GET, path: /health } }
      - id: recycle
        if: 'steps.before.output.status == 503'
        uses: http.request
        connection: ${service}
        with: { method: POST, path: /admin/recycle }
    verify:
      checks:
        - uses: http.request
          connection: ${service}
          with: { method: GET, path: /health }
          expect: 'output.status == 200'
          within: 4s
      stable_for: 2s
      resolved_within: 20s
`;
}
