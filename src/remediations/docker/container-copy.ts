import type { Endpoint, RawContainer } from './raw-container.ts';

/** What a new container is made from: the engine's own words for it, and the networks that it joins besides the first. */
export interface ContainerCopy {
  readonly body: Readonly<Record<string, unknown>>;
  readonly networks: readonly { readonly name: string; readonly endpoint: EndpointSettings }[];
}

/** What of a container's place in a network is its own choice. */
interface EndpointSettings {
  readonly Aliases: readonly string[];
  readonly IPAMConfig?: unknown;
  readonly Links?: unknown;
  readonly DriverOpts?: unknown;
}

export interface CopyChanges {
  readonly name: string;
  readonly image: string;
  readonly config: RawContainer['Config'];
  readonly binds: readonly string[];
}

/** Networks in which a container has no aliases and no address of its own choice. */
const PREDEFINED_NETWORKS = ['bridge', 'host', 'none', 'default'];
const SHORT_ID_LENGTH = 12;

/** The settings of a container for another one, with the given changes. */
export function copyContainer(raw: RawContainer, { name, image, config, binds }: CopyChanges): ContainerCopy {
  const { NetworkMode } = raw.HostConfig;
  const endpoints = Object.entries(raw.NetworkSettings.Networks)
    .filter(([network]) => !PREDEFINED_NETWORKS.includes(network))
    .map(([network, endpoint]) => ({
      name: network,
      isFirst: [network, endpoint.NetworkID].includes(NetworkMode),
      endpoint: copyEndpoint(raw, endpoint, name),
    }));
  const first = endpoints.find(({ isFirst }) => isFirst);
  return {
    body: {
      ...ownConfig(raw, config),
      Image: image,
      HostConfig: { ...raw.HostConfig, Binds: binds },
      NetworkingConfig: { EndpointsConfig: first === undefined ? {} : { [first.name]: first.endpoint } },
    },
    networks: endpoints.filter((endpoint) => endpoint !== first),
  };
}

/** Without what the engine put in itself, which it refuses, or which would be wrong for another container. */
function ownConfig(raw: RawContainer, config: RawContainer['Config']): Record<string, unknown> {
  const { Hostname, ExposedPorts, ...rest } = config;
  const sharesNetwork = raw.HostConfig.NetworkMode.startsWith('container:');
  const isOwnHostname = Hostname !== '' && !raw.Id.startsWith(Hostname) && !sharesNetwork;
  return {
    ...rest,
    ...(isOwnHostname ? { Hostname } : {}),
    ...(sharesNetwork || ExposedPorts == null ? {} : { ExposedPorts }),
  };
}

/** Older engines list the beginning of a container's id among its aliases. */
function copyEndpoint(raw: RawContainer, { Aliases, IPAMConfig, Links, DriverOpts }: Endpoint, name: string): EndpointSettings {
  const oldName = raw.Name.slice(1);
  return {
    Aliases: Aliases.filter((alias) => alias !== raw.Id.slice(0, SHORT_ID_LENGTH)).map((alias) =>
      alias === oldName ? name : alias,
    ),
    ...(IPAMConfig == null ? {} : { IPAMConfig }),
    ...(Links == null ? {} : { Links }),
    ...(DriverOpts == null ? {} : { DriverOpts }),
  };
}
