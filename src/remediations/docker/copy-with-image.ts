import { isDeepStrictEqual } from 'node:util';
import { copyContainer, type ContainerCopy } from './container-copy.ts';
import type { Image } from './find-image.ts';
import type { RawContainer } from './raw-container.ts';
import { REPLACES_LABEL } from './replaces-label.ts';

/**
 * The same container with another image. The engine mixes what an image says into a container's settings; what is as the old
 * image says is left out, so that the new one has its say. Anonymous volumes go along.
 */
export function copyWithImage(raw: RawContainer, oldImage: Image, image: string): ContainerCopy {
  const config = withoutDefaults(raw.Config, oldImage.defaults);
  return copyContainer(raw, {
    name: raw.Name.slice(1),
    image,
    config: { ...config, Labels: { ...config.Labels, [REPLACES_LABEL]: raw.Id } },
    binds: [...raw.HostConfig.Binds, ...anonymousBinds(raw)],
  });
}

/** Settings that a container has from its image unless it says otherwise. */
const SINGLE = ['WorkingDir', 'User', 'Healthcheck', 'StopSignal', 'Shell'];

function withoutDefaults(config: RawContainer['Config'], defaults: Readonly<Record<string, unknown>>): RawContainer['Config'] {
  const isDefault = (key: string): boolean => isDeepStrictEqual(config[key] ?? null, defaults[key] ?? null);
  // A command that is the image's belongs to the container when the entrypoint is its own.
  const fromImage = [...SINGLE, ...(isDefault('Entrypoint') ? ['Entrypoint', 'Cmd'] : [])].filter(isDefault);
  const kept = Object.fromEntries(Object.entries(config).filter(([key]) => !fromImage.includes(key)));
  const defaultEnv: unknown = defaults['Env'];
  return {
    ...kept,
    Image: config.Image,
    Hostname: config.Hostname,
    Env: config.Env.filter((entry) => !(Array.isArray(defaultEnv) && defaultEnv.includes(entry))),
    Labels: withoutEntries(config.Labels, defaults['Labels']),
    Volumes: withoutEntries(config.Volumes ?? {}, defaults['Volumes']),
    ExposedPorts: withoutEntries(config.ExposedPorts ?? {}, defaults['ExposedPorts']),
  };
}

function withoutEntries<T>(entries: Readonly<Record<string, T>>, defaults: unknown): Record<string, T> {
  if (typeof defaults !== 'object' || defaults === null) return { ...entries };
  const isDefault = ([key, value]: [string, T]): boolean => isDeepStrictEqual(Reflect.get(defaults, key), value);
  return Object.fromEntries(Object.entries(entries).filter((entry) => !isDefault(entry)));
}

/** Volumes that the settings do not name, because the engine made them. */
function anonymousBinds({ Mounts, HostConfig }: RawContainer): readonly string[] {
  const named = new Set([
    ...HostConfig.Binds.map((bind) => bind.split(':')[1]),
    ...HostConfig.Mounts.map(({ Target }) => Target),
  ]);
  return Mounts.filter(({ Type, Name, Destination }) => Type === 'volume' && Name !== '' && !named.has(Destination)).map(
    ({ Name, Destination, RW }) => `${Name}:${Destination}${RW ? '' : ':ro'}`,
  );
}
