import type { VendorRequest } from '../slack-and-pagerduty/vendor-listener.ts';

export type SlackArguments = Readonly<Record<string, unknown>>;

// Arguments that are JSON inside a form.
const JSON_ARGUMENTS = new Set(['blocks', 'attachments', 'metadata', 'view', 'files']);

/** The arguments of a call: a form, as the SDKs send it, or JSON. Those of the query come first. */
export function readArguments({ url, headers, body }: VendorRequest): SlackArguments {
  const fromQuery = readForm(url.searchParams);
  const text = body.toString();
  if (!(headers['content-type'] ?? '').startsWith('application/json')) {
    return { ...fromQuery, ...readForm(new URLSearchParams(text)) };
  }
  const parsed = parseJson(text);
  return { ...fromQuery, ...(typeof parsed === 'object' ? parsed : {}) };
}

function readForm(form: URLSearchParams): SlackArguments {
  return Object.fromEntries([...form].map(([name, value]) => [name, JSON_ARGUMENTS.has(name) ? parseJson(value) : value]));
}

/** What is no JSON stays the text it is: the method says what is wrong with it. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
