import { defineRemediation } from '../../domain/remediation.ts';
import { NODE_PARAMS, planNode, setUnschedulable } from './schedulable-node.ts';

/** Lets new pods onto a node again. */
export const uncordonNode = defineRemediation({
  name: 'kubernetes.uncordon_node',
  summary: 'Marks a node as schedulable again.',
  notes: [
    'Least privilege: a ClusterRole with `{ apiGroups: [""], resources: ["nodes"], verbs: ["get", "patch"] }` (`resourceNames` may narrow it). `allow_nodes` of the connection lists the nodes (`worker-*`); without it none may be uncordoned.',
    'It does not ask who cordoned the node, and why: a person may have, for maintenance.',
  ].join('\n\n'),
  connection: 'kubernetes',
  params: NODE_PARAMS,
  outputs: {
    node: { type: 'string', description: 'The node.' },
    changed: { type: 'bool', description: 'Whether it took no new pods before.' },
  },
  example: { node: 'worker-1', changed: true },
  effect: () => 'change',
  inDoubt: 'repeat',
  plan: ({ node }, context) => planNode(node, 'uncordon', context),
  run: ({ data }, context) => setUnschedulable(data, false, context),
});
