import type Docker from 'dockerode';
import { StepError } from '../../domain/remediation.ts';
import { sendRemove, sendRename, sendStart } from './change-requests.ts';
import type { ContainerDetails } from './container-details.ts';
import { findById, findUnlessGone } from './find-container.ts';
import type { PlannedContainer } from './planned-container.ts';
import { REPLACES_LABEL } from './replaces-label.ts';

/** A container whose place another is to take. */
export interface PlannedReplacement extends PlannedContainer {
  /** Whether it ran, so that it is started again when it is put back. */
  readonly wasRunning: boolean;
}

/** The name of a container that waits aside until the one in its place has come up. */
export function asideName({ id, name }: PlannedContainer): string {
  return name + asideEnding(id);
}

/** Whether a container waits aside. */
export function isAside({ id, name }: { readonly id: string; readonly name: string }): boolean {
  return name.endsWith(asideEnding(id));
}

function asideEnding(id: string): string {
  return `-remedyd-replaced-${id.slice(0, 12)}`;
}

/** How far a replacement has come: `old` and `new` are the containers of it that there are. */
export type ReplacementState =
  | { readonly kind: 'untouched' | 'stopped' | 'aside'; readonly old: ContainerDetails }
  | { readonly kind: 'replaced'; readonly old: ContainerDetails | undefined; readonly new: ContainerDetails }
  | { readonly kind: 'foreign' };

/** Looks how far the replacement has come. `foreign` is everything that only somebody else can have brought about. */
export async function readReplacement(
  docker: Docker,
  planned: PlannedReplacement,
  signal: AbortSignal,
): Promise<ReplacementState> {
  const { id, name, startedAt, wasRunning } = planned;
  const old = await findById(docker, id, name, signal);
  const named = await findUnlessGone(docker, name, signal);
  if (old !== undefined && ![name, asideName(planned)].includes(old.name)) return { kind: 'foreign' };
  if (named !== undefined && named.id !== id) {
    return named.labels[REPLACES_LABEL] === id ? { kind: 'replaced', old, new: named } : { kind: 'foreign' };
  }
  if (old === undefined) return { kind: 'foreign' };
  if (old.name !== name) return { kind: 'aside', old };
  return { kind: old.isRunning === wasRunning && old.startedAt === startedAt ? 'untouched' : 'stopped', old };
}

/** Removes the new container, gives the old one its name back, and starts it if it ran. What is so already is left. */
export async function putBack(docker: Docker, planned: PlannedReplacement, signal: AbortSignal): Promise<void> {
  const state = await readReplacement(docker, planned, signal);
  const { id, name, wasRunning } = planned;
  const old = state.kind === 'foreign' ? undefined : state.old;
  if (old === undefined) {
    throw new StepError('not_found', `container ${id.slice(0, 12)}, which was ${name}, is not where it was put`, {
      happened: 'unknown',
    });
  }
  if (state.kind === 'replaced') await sendRemove(docker, state.new, true, signal);
  if (old.name !== name) await sendRename(docker, old, name, signal);
  if (wasRunning && !old.isRunning) await sendStart(docker, { id, name }, signal);
}
