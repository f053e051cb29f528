import type { IncidentNews } from '../../domain/notifier.ts';
import { code, join, link, mrkdwn, type Mrkdwn } from './mrkdwn.ts';

/** Where more is to be found, the incident's id, and the one before it. */
export function incidentLinks({ detail: { incident, alerts }, runbookUrl, url }: IncidentNews): Mrkdwn {
  const generatorUrl = alerts.map(({ content }) => content.generatorUrl).find((candidate) => /^https?:/.test(candidate));
  return join(
    [
      code(incident.id, 80),
      ...(url === undefined ? [] : [link(url, 'Everything about it')]),
      ...(runbookUrl === undefined ? [] : [link(runbookUrl, 'Runbook')]),
      ...(generatorUrl === undefined ? [] : [link(generatorUrl, 'Alert')]),
      ...(incident.previousId === null ? [] : [mrkdwn`before it: ${code(incident.previousId, 80)}`]),
    ],
    ' · ',
  );
}

/** Says that a message is not all, and where the rest is. */
export function shortenedNote(incidentId: string, url: string | undefined): Mrkdwn {
  return url === undefined
    ? mrkdwn`… shortened: ${code(`remedyd incident show ${incidentId}`)}`
    : mrkdwn`… shortened: ${link(url, 'everything about it')}`;
}
