import type { AnyRemediation } from '../../domain/remediation.ts';
import { alerts } from './alerts.ts';
import { expireSilence } from './expire-silence.ts';
import { silence } from './silence.ts';

/** Every remediation for Alertmanager. */
export const alertmanagerRemediations: readonly AnyRemediation[] = [alerts, silence, expireSilence];
