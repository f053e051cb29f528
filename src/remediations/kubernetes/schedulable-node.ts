import { z } from 'zod';
import type { Json, JsonObject } from '../../domain/json.ts';
import { StepError, type Plan, type StepContext } from '../../domain/remediation.ts';
import { matchesName } from '../matches-name.ts';
import { callApi } from './call-api.ts';
import { changedSince, changeObject } from './change-object.ts';
import { connectKubernetes } from './connect-kubernetes.ts';
import { metadataSchema } from './object-metadata.ts';
import { parseName } from './plain-name.ts';
import { RESOURCES } from './resource.ts';

const nodeSchema = z.object({
  metadata: metadataSchema,
  spec: z.object({ unschedulable: z.boolean().default(false) }).prefault({}),
});

export interface NodeData {
  readonly [key: string]: Json;
  readonly node: string;
  readonly uid: string;
}

export const NODE_PARAMS = {
  node: { type: 'string', required: true, description: "The name of the node; in the connection's `allow_nodes`." },
} as const;

/** Plans to let a node take new pods or not; `not_allowed` for one that `allow_nodes` does not name. */
export async function planNode(
  node: string,
  verb: 'cordon' | 'uncordon',
  context: StepContext<'kubernetes'>,
): Promise<Plan<NodeData>> {
  const { connection } = context;
  const name = parseName('node', node);
  if (!connection.allowNodes.some((allowed) => matchesName(allowed, name))) {
    const message = `node "${name}" is not in \`allow_nodes\` of the kubernetes connection "${connection.name}"`;
    throw new StepError('not_allowed', message, { happened: 'nothing' });
  }
  const resource = { ...RESOURCES.node, name };
  const { metadata, spec } = await callApi(await connectKubernetes(context), { verb: 'get', resource }, nodeSchema);
  const now = spec.unschedulable ? 'takes no new pods' : 'takes new pods';
  return {
    summary: `${verb} node ${name}, which ${now}`,
    identity: { node: name, uid: metadata.uid },
    touches: [`kubernetes:${connection.name}/node/${name}`],
    count: 1,
    data: { node: name, uid: metadata.uid },
  };
}

/** Sets it, if it is not so already. Says whether it was something else before. */
export async function setUnschedulable(
  { node, uid }: NodeData,
  unschedulable: boolean,
  context: StepContext<'kubernetes'>,
): Promise<{ readonly node: string; readonly changed: boolean }> {
  let changed = false;
  const resource = { ...RESOURCES.node, name: node };
  await changeObject(await connectKubernetes(context), resource, nodeSchema, ({ metadata, spec }): JsonObject => {
    if (metadata.uid !== uid) throw changedSince(`node ${node}`, 'was replaced by another of that name');
    changed = spec.unschedulable !== unschedulable;
    return { spec: { unschedulable } };
  });
  return { node, changed };
}
