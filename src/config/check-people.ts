import type { Settings } from '../domain/settings.ts';
import { activeTimeFault } from '../schema/active-time-fault.ts';
import { approvalFaults } from '../schema/approval-faults.ts';
import { NotifyCheck } from '../schema/notify-check.ts';
import type { YamlPath } from '../schema/yaml-file.ts';
import type { Report } from './report.ts';
import type { ConfigDefinition, ConfigKey } from './schema.ts';

/**
 * Reports what keeps people from being told, called or asked: ids that two people share, places that nobody sees, approvals that nobody can
 * give. Nothing is said of sections (`broken`) that could not be read.
 */
export function checkPeople(config: ConfigDefinition, settings: Settings, broken: ReadonlySet<string>, report: Report): void {
  reportSharedIds(config, report);
  if (config.pagerduty?.webhook_secrets !== undefined) warnOfAddresses(config, report);
  const { slack, people, roles } = settings;
  const ifRead = <T>(key: ConfigKey, value: T): T | undefined => (broken.has(key) ? undefined : value);
  const services = settings.pagerduty === undefined ? ('log' as const) : new Set(settings.pagerduty.services.keys());
  const notify = new NotifyCheck({
    people: ifRead('people', people),
    roles: ifRead('roles', roles),
    pagerduty: ifRead('pagerduty', services),
  });
  const check = (targets: Settings['severities'][number]['notify'], path: YamlPath): void =>
    notify.check(targets, (key, message, options) => report([...path, key], message, options));

  const fault = slack?.defaultChannel === undefined ? undefined : notify.slackFault(slack.defaultChannel);
  if (fault !== undefined) report(['slack', 'default_channel'], fault, { severity: 'warning' });
  config.severities?.forEach(({ notify: targets, activeTimeIntervals }, index) => {
    check(targets, ['severities', index, 'notify']);
    const active = activeTimeIntervals.flatMap((name) => settings.timeIntervals.get(name) ?? []);
    const never = activeTimeFault(
      active.map(({ name, interval }) => ({ name, intervals: [interval] })),
      Date.now(),
    );
    if (never !== undefined) report(['severities', index, 'active_time_intervals'], never, { severity: 'warning' });
  });
  for (const [name, rungs] of Object.entries(config.escalation_policies ?? {})) {
    rungs.forEach((rung, index) => check(rung.notify, ['escalation_policies', name, index, 'notify']));
  }
  if (!broken.has('slack') && slack === undefined) {
    for (const [name, role] of roles) {
      if (role.slackUsergroup === undefined) continue;
      report(['roles', name, 'slack_usergroup'], 'without `slack` nobody knows who is in this user group', {
        severity: 'warning',
      });
    }
  }
  if (config.approval === undefined || broken.has('roles')) return;
  const path = ['approval', config.approval.roles === undefined ? 'count' : 'roles'];
  for (const message of approvalFaults(settings.approval, roles)) report(path, message, { severity: 'warning' });
}

/** PagerDuty's webhooks name a user by id, and say nothing of addresses (developer.pagerduty.com, V3 webhooks, `agent`). */
function warnOfAddresses({ people = {} }: ConfigDefinition, report: Report): void {
  for (const [name, person] of Object.entries(people)) {
    if (person?.pagerduty?.includes('@') !== true) continue;
    const message =
      "what this person does in PagerDuty comes back with the user's id: write the id, such as PABC123, not the address";
    report(['people', name, 'pagerduty'], message, { severity: 'warning' });
  }
}

/** An id that two people have would make one of them act as the other. */
function reportSharedIds({ people = {} }: ConfigDefinition, report: Report): void {
  for (const key of ['slack', 'pagerduty'] as const) {
    const owners = new Map<string, string>();
    for (const [name, person] of Object.entries(people)) {
      const id = person?.[key];
      const first = id === undefined ? undefined : owners.get(id);
      if (first !== undefined) report(['people', name, key], `this is the id of '${first}' too; everybody has their own`);
      else if (id !== undefined) owners.set(id, name);
    }
  }
}
