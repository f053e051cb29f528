import type { Connection } from '../domain/connection.ts';
import type { Json, JsonObject } from '../domain/json.ts';

/** What a change with these parameters touches, as the real remediations name it where their parameters tell. */
export function touchesOf(params: JsonObject, connection: Connection | undefined): readonly string[] {
  if (connection === undefined) return [];
  const { kind, name } = connection;
  const whole = `${kind}:${name}`;
  switch (kind) {
    case 'docker': {
      const containers = [params['container'], ...listOf(params['containers'])].filter(isText);
      const service = params['service'];
      if (containers.length > 0) return containers.map((container) => `${whole}/${container}`);
      return [isText(service) ? `${whole}/${service}` : whole];
    }
    case 'kubernetes': {
      const namespace = isText(params['namespace']) ? params['namespace'] : 'default';
      const things = ['deployment', 'statefulset', 'daemonset', 'pod'].flatMap((each) => {
        const thing = params[each];
        return isText(thing) ? [`${whole}/${namespace}/${each}/${thing}`] : [];
      });
      return things.length > 0 ? things : [whole];
    }
    case 'files':
      return [isText(params['directory']) ? `files:${params['directory']}` : whole];
    default:
      return [whole];
  }
}

function listOf(value: Json | undefined): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
