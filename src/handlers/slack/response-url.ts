const TIMEOUT_MS = 5_000;
const SLACK_HOST = 'hooks.slack.com';

/** Whether an answer may be sent there: to Slack's own host, or to that of the configured `slack.api_url`. */
export function isResponseUrl(url: string, apiUrl: string | undefined): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, host, username, password } = new URL(url);
  if (username !== '' || password !== '') return false;
  if (protocol === 'https:' && host === SLACK_HOST) return true;
  if (apiUrl === undefined || !URL.canParse(apiUrl)) return false;
  const api = new URL(apiUrl);
  return protocol === api.protocol && host === api.host;
}

/** Shows an answer to the person who clicked. One attempt; throws when Slack does not take it. The URL is a secret: no error names it. */
export async function postToResponseUrl(url: string, body: object, signal: AbortSignal): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: JSON.stringify(body),
    redirect: 'error',
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`the response URL answered ${response.status}`);
}
