import { StepError } from '../../domain/remediation.ts';
import { COMPOSE } from './compose-service.ts';
import { copyContainer, type ContainerCopy } from './container-copy.ts';
import type { RawContainer } from './raw-container.ts';
import { REPLACES_LABEL } from './replaces-label.ts';

/** Fails with `precondition_failed`, and says why, for a container of which there can be only one. */
export function requireRepeatable(raw: RawContainer): void {
  const name = raw.Name.slice(1);
  const reason = whyOnlyOne(raw, name);
  if (reason === undefined) return;
  throw new StepError('precondition_failed', `the service cannot have another container like ${name}: ${reason}`, {
    happened: 'nothing',
  });
}

/** The name of the container of a service with another number, written as that of a given one is. */
export function nameReplica(raw: RawContainer, number: number): string {
  return raw.Name.slice(1).replace(/[0-9]+$/, String(number));
}

/** Another container of the same service: the same settings, its own number, name, host name and anonymous volumes. */
export function copyReplica(raw: RawContainer, number: number): ContainerCopy {
  const { [REPLACES_LABEL]: _replaces, ...labels } = raw.Config.Labels;
  const isAnonymous = (bind: string): boolean => /^[0-9a-f]{64}:/.test(bind);
  const anonymous = raw.HostConfig.Binds.filter(isAnonymous).map((bind) => [bind.split(':')[1] ?? '', {}] as const);
  return copyContainer(raw, {
    name: nameReplica(raw, number),
    image: raw.Image,
    config: {
      ...raw.Config,
      Labels: { ...labels, [COMPOSE.number]: String(number) },
      Volumes: { ...raw.Config.Volumes, ...Object.fromEntries(anonymous) },
    },
    binds: raw.HostConfig.Binds.filter((bind) => !isAnonymous(bind)),
  });
}

function whyOnlyOne(raw: RawContainer, name: string): string | undefined {
  const { Config, HostConfig, NetworkSettings } = raw;
  const { [COMPOSE.project]: project, [COMPOSE.service]: service, [COMPOSE.number]: number } = Config.Labels;
  if (!['-', '_'].some((dash) => name === [project, service, number].join(dash))) return 'its name is fixed (container_name)';
  const port = Object.entries(HostConfig.PortBindings ?? {}).find(([, hosts]) =>
    hosts?.some(({ HostPort }) => /^0*[1-9][0-9]*$/.test(HostPort)),
  );
  if (port !== undefined) return `its port ${port[0]} has a fixed port of the host`;
  if (HostConfig.NetworkMode === 'host') return 'it uses the ports of the host itself (network_mode: host)';
  if (HostConfig.Links.length > 0) return 'it has links of the old kind';
  if (Config.MacAddress != null && Config.MacAddress !== '') return 'its MAC address is fixed';
  const hasFixedAddress = Object.values(NetworkSettings.Networks).some(
    ({ IPAMConfig }) => IPAMConfig?.['IPv4Address'] != null || IPAMConfig?.['IPv6Address'] != null,
  );
  return hasFixedAddress ? 'its address in a network is fixed' : undefined;
}
