/** The source of alerts that people report: no Alertmanager knows of them. */
export const REPORTED_SOURCE = 'api';
/** The name of such an alert, for rules to match. */
export const REPORTED_NAME = 'Reported';
