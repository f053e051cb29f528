import type { AnyRemediation } from '../../domain/remediation.ts';
import { cordonNode } from './cordon-node.ts';
import { deletePod } from './delete-pod.ts';
import { describePod } from './describe-pod.ts';
import { events } from './events.ts';
import { findFiles } from './find-files.ts';
import { getConfigMap } from './get-config-map.ts';
import { podLogs } from './pod-logs.ts';
import { podUsage } from './pod-usage.ts';
import { rolloutRestart } from './rollout-restart.ts';
import { rolloutStatus } from './rollout-status.ts';
import { rolloutUndo } from './rollout-undo.ts';
import { scaleDeployment } from './scale-deployment.ts';
import { signalProcess } from './signal-process.ts';
import { uncordonNode } from './uncordon-node.ts';

/** Every remediation for Kubernetes. */
export const kubernetesRemediations: readonly AnyRemediation[] = [
  rolloutRestart,
  rolloutUndo,
  rolloutStatus,
  scaleDeployment,
  deletePod,
  podLogs,
  events,
  describePod,
  podUsage,
  cordonNode,
  uncordonNode,
  getConfigMap,
  signalProcess,
  findFiles,
];
