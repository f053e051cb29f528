import { defineRemediation } from '../../domain/remediation.ts';
import { NODE_PARAMS, planNode, setUnschedulable } from './schedulable-node.ts';

/** Keeps new pods off a node. */
export const cordonNode = defineRemediation({
  name: 'kubernetes.cordon_node',
  summary: 'Marks a node as unschedulable: it gets no new pods, and keeps those that it has.',
  notes: [
    'Least privilege: a ClusterRole with `{ apiGroups: [""], resources: ["nodes"], verbs: ["get", "patch"] }` (`resourceNames` may narrow it). `allow_nodes` of the connection lists the nodes (`worker-*`); without it none may be cordoned.',
    'Nothing is drained. A node that is cordoned already stays so, and `changed` is false. Keep the rule from cordoning one node after the other, or the cluster has no place left: `kubernetes.uncordon_node` undoes it.',
  ].join('\n\n'),
  connection: 'kubernetes',
  params: NODE_PARAMS,
  outputs: {
    node: { type: 'string', description: 'The node.' },
    changed: { type: 'bool', description: 'Whether it took new pods before.' },
  },
  example: { node: 'worker-1', changed: true },
  effect: () => 'change',
  inDoubt: 'repeat',
  plan: ({ node }, context) => planNode(node, 'cordon', context),
  run: ({ data }, context) => setUnschedulable(data, true, context),
});
