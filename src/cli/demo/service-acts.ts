import type { Act } from './act.ts';
import { isVerifiedAndResolved, playIncident, wasTold } from './play-incident.ts';
import { startSickService } from './sick-service.ts';
import type { FollowedIncident } from './stage.ts';

interface ServiceAct {
  readonly service: string;
  readonly mode: 'auto' | 'approve';
  readonly staysSick: boolean;
  readonly title: string;
  readonly ending: string;
  readonly isOver: (incident: FollowedIncident) => boolean;
}

const ACTS: readonly ServiceAct[] = [
  {
    service: 'shop',
    mode: 'auto',
    staysSick: false,
    title: 'A web service whose workers hang: recycled, checked, resolved.',
    ending: 'the shop verified and resolved',
    isOver: isVerifiedAndResolved,
  },
  {
    service: 'billing',
    mode: 'approve',
    staysSick: false,
    title: 'The same where the rule may not act by itself: a person is asked first.',
    ending: 'billing approved, verified and resolved',
    isOver: (incident) =>
      isVerifiedAndResolved(incident) && incident.runs.every(({ approval }) => approval?.state === 'approved'),
  },
  {
    service: 'reports',
    mode: 'auto',
    staysSick: true,
    title: 'The same repair where it does not help: nobody pretends, a person is called.',
    ending: 'the reports ineffective, and a person called',
    isOver: ({ status, escalation_level, runs, notifications }) =>
      status !== 'resolved' &&
      escalation_level > 0 &&
      runs.length > 0 &&
      runs.every((run) => run.outcome === 'ineffective') &&
      wasTold(notifications, 'page'),
  },
];

/** The acts that need nothing but this program: a repair that helps, one that asks first, and one that does not help. */
export function prepareServiceActs(_folder: string, cleanUp: AsyncDisposableStack): Promise<readonly Act[]> {
  return Promise.all(ACTS.map((act) => prepareServiceAct(act, cleanUp)));
}

async function prepareServiceAct(
  { service, mode, staysSick, title, ending, isOver }: ServiceAct,
  cleanUp: AsyncDisposableStack,
): Promise<Act> {
  const sick = await startSickService({ staysSick }, cleanUp);
  const rule = `recycle-${service}`;
  return {
    title,
    ending,
    ruleFile: { name: `${service}.yml`, text: ruleFileOf(rule, service, mode) },
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

function ruleFileOf(rule: string, service: string, mode: ServiceAct['mode']): string {
  return `rules:
  - name: ${rule}
    description: Recycles the workers of ${service} when none is left.
    matchers:
      - 'alertname = "ServiceNotAnswering"'
      - 'service = "${service}"'
    target: service/{{ labels.service }}
    mode: ${mode}
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
          within: 3s
      stable_for: 1s
      resolved_within: 20s
`;
}
