import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { quoteLine } from '../quote-line.ts';
import { connectKubernetes } from './connect-kubernetes.ts';
import { findNamespace, NAMESPACE_PARAM } from './find-namespace.ts';
import { readEvents } from './object-events.ts';
import { parseName } from './plain-name.ts';

/** Kinds as events name them, by the words that kubectl takes. */
const EVENT_KINDS: Readonly<Record<string, string>> = {
  pod: 'Pod',
  deployment: 'Deployment',
  replicaset: 'ReplicaSet',
  statefulset: 'StatefulSet',
  daemonset: 'DaemonSet',
  job: 'Job',
  cronjob: 'CronJob',
  horizontalpodautoscaler: 'HorizontalPodAutoscaler',
  persistentvolumeclaim: 'PersistentVolumeClaim',
  service: 'Service',
  ingress: 'Ingress',
  endpoints: 'Endpoints',
};

/** Reads the newest events. */
export const events = defineRemediation({
  name: 'kubernetes.events',
  summary: 'Reads the newest events of a namespace, or of one object in it.',
  notes: [
    'Least privilege, in each namespace: `{ apiGroups: [""], resources: ["events"], verbs: ["list"] }`.',
    'Kubernetes keeps events for an hour unless it was set up otherwise. Of a namespace with more than 5000, only some are seen: name an object there.',
  ].join('\n\n'),
  connection: 'kubernetes',
  params: {
    object: {
      type: 'string',
      description: `Only events about this object: \`pod/api-5d9c7b-x2x9z\`. Kinds: ${Object.keys(EVENT_KINDS).join(', ')}.`,
    },
    limit: { type: 'int', default: 20, min: 1, max: 100, description: 'The most events to return, the newest.' },
    ...NAMESPACE_PARAM,
  },
  outputs: {
    events: {
      type: 'list',
      description: 'Newest first, each with `object`, `type`, `reason`, `message`, `count`, `first_at` and `last_at`.',
    },
    count: { type: 'int', description: 'How many there are, also those beyond `limit`.' },
  },
  example: {
    events: [
      {
        object: 'pod/api-5d9c7b-x2x9z',
        type: 'Warning',
        reason: 'BackOff',
        message: 'Back-off restarting failed container',
        count: 12,
        first_at: '2026-11-21T02:10:00.000Z',
        last_at: '2026-11-21T02:30:00.000Z',
      },
    ],
    count: 1,
  },
  effect: () => 'read',
  inDoubt: 'repeat',

  // The checks throw: async turns that into a rejection.
  async plan(params, { connection }) {
    const namespace = findNamespace(connection, params.namespace);
    const object = params.object === undefined ? null : parseObject(params.object);
    return Promise.resolve({
      summary: `read the events of ${object === null ? `namespace ${namespace}` : `${object.kind} ${namespace}/${object.name}`}`,
      identity: { namespace, object },
      touches: [],
      data: { namespace, object, limit: params.limit },
    });
  },

  async run({ data: { namespace, object, limit } }, context) {
    return readEvents(await connectKubernetes(context), namespace, object ?? undefined, limit);
  },
});

function parseObject(text: string): { readonly kind: string; readonly name: string } {
  const [word = '', name, ...rest] = text.split('/');
  const kind = Object.hasOwn(EVENT_KINDS, word) ? EVENT_KINDS[word] : undefined;
  if (kind === undefined || name === undefined || rest.length > 0) {
    const message = `object "${quoteLine(text)}" is not KIND/NAME with one of the kinds ${Object.keys(EVENT_KINDS).join(', ')}`;
    throw new StepError('invalid_value', message, { happened: 'nothing' });
  }
  return { kind, name: parseName('object', name) };
}
