import { z } from 'zod';
import { defineRemediation } from '../../domain/remediation.ts';
import { callApi } from './call-api.ts';
import { connectKubernetes } from './connect-kubernetes.ts';
import { findNamespace, NAMESPACE_PARAM } from './find-namespace.ts';
import { metadataSchema } from './object-metadata.ts';
import { parseName } from './plain-name.ts';
import { RESOURCES } from './resource.ts';

const MOST_ENTRIES = 100;
const LONGEST_VALUE = 1_024;
const MOST_TEXT = 16 * 1024;

const configMapSchema = z.object({
  metadata: metadataSchema,
  data: z.record(z.string(), z.string()).nullish(),
  binaryData: z.record(z.string(), z.string()).nullish(),
});

/** Reads a ConfigMap. */
export const getConfigMap = defineRemediation({
  name: 'kubernetes.get_config_map',
  summary: 'Reads the keys and values of a ConfigMap.',
  notes: [
    'Least privilege, in each namespace: `{ apiGroups: [""], resources: ["configmaps"], verbs: ["get"] }`; `resourceNames` should narrow it.',
    'Secrets are never read. A ConfigMap should hold none, but many do: the value of a key that is called like one (password, token, secret, key, credential, dsn), and whatever holds the password of a URL or a private key, is `[hidden]`. Its key is there, so that `"DATABASE_URL" in output.data` works.',
    'Values are cut at 1 KiB, all together at 16 KiB, and there are at most 100; `truncated` says so. Binary values are `[binary]`.',
  ].join('\n\n'),
  connection: 'kubernetes',
  params: { name: { type: 'string', required: true, description: 'The name of the ConfigMap.' }, ...NAMESPACE_PARAM },
  outputs: {
    name: { type: 'string', description: 'The name.' },
    data: { type: 'map', description: 'Its values by key.' },
    keys: { type: 'list', description: 'Its keys, sorted.' },
    truncated: { type: 'bool', description: 'Whether a value was cut or an entry left out.' },
  },
  example: {
    name: 'core-agent-config',
    data: { LOG_LEVEL: 'info', DATABASE_URL: '[hidden]' },
    keys: ['DATABASE_URL', 'LOG_LEVEL'],
    truncated: false,
  },
  effect: () => 'read',
  inDoubt: 'repeat',

  // The checks throw: async turns that into a rejection.
  async plan(params, { connection }) {
    const namespace = findNamespace(connection, params.namespace);
    const name = parseName('name', params.name);
    return Promise.resolve({
      summary: `read ConfigMap ${namespace}/${name}`,
      identity: { namespace, name },
      touches: [],
      data: { namespace, name },
    });
  },

  async run({ data: { namespace, name } }, context) {
    const resource = { ...RESOURCES.configmap, namespace, name };
    const { data, binaryData } = await callApi(await connectKubernetes(context), { verb: 'get', resource }, configMapSchema);
    const binary = Object.keys(binaryData ?? {}).map((key): [string, string] => [key, '[binary]']);
    const texts = Object.entries(data ?? {}).map(([key, value]): [string, string] => [key, hide(key, value)]);
    const all = [...texts, ...binary].sort(([a], [b]) => (a < b ? -1 : 1));
    const kept = all.slice(0, MOST_ENTRIES);
    let left = MOST_TEXT;
    let isCut = all.length > kept.length;
    const shown = kept.map(([key, value]): [string, string] => {
      const text = value.slice(0, Math.min(LONGEST_VALUE, left)).toWellFormed();
      isCut ||= text.length < value.length;
      left -= text.length;
      return [key, text];
    });
    return { name, data: Object.fromEntries(shown), keys: kept.map(([key]) => key), truncated: isCut };
  },
});

const SECRET_KEY =
  /pass(?:word|wd|phrase)?|secret|token|credential|(?:^|[^a-z])dsn|(?:api|access|private|signing|encryption)[-_.]?key/i;
const SECRET_VALUE =
  /:\/\/[^\s/@]*:[^\s/@]+@|-----BEGIN [A-Z ]*PRIVATE KEY-----|(?:password|passwd|pwd|secret|token)["']?\s*[=:]/i;

function hide(key: string, value: string): string {
  return SECRET_KEY.test(key) || SECRET_VALUE.test(value) ? '[hidden]' : value;
}
