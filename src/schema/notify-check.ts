import type { Person, Role } from '../domain/settings.ts';
import { suggestName } from './nearest-name.ts';
import type { ProblemSeverity } from './problem.ts';

/** Those whom a `notify` may name. What is absent is not known, and not checked. */
export interface Addressees {
  readonly people?: ReadonlyMap<string, Person> | undefined;
  readonly roles?: ReadonlyMap<string, Role> | undefined;
  /** The services that can be paged; `log` when PagerDuty is not configured, and pages go to the log. */
  readonly pagerduty?: ReadonlySet<string> | 'log' | undefined;
}

type ReportTarget = (key: 'slack' | 'pagerduty', message: string, options?: { readonly severity?: ProblemSeverity }) => void;

const SLACK_PLACE = /^(?:#[^\s#@]+|[CDGUW][A-Z0-9]{2,})$/;

/** Places as they are written. */
type Places = Readonly<Partial<Record<'slack' | 'pagerduty', string | undefined>>>;

/** Finds places that nobody would hear of. That pages go to the log only is said once for all that it looks at. */
export class NotifyCheck {
  readonly #known: Addressees;
  #saysLog = false;

  constructor(known: Addressees) {
    this.#known = known;
  }

  check({ slack, pagerduty }: Places, report: ReportTarget): void {
    const fault = slack === undefined ? undefined : this.slackFault(slack);
    if (fault !== undefined) report('slack', fault, { severity: 'warning' });
    if (pagerduty !== undefined) this.#checkService(pagerduty, report);
  }

  /** Why nobody would see a message at a Slack place; `undefined` when somebody may. */
  slackFault(place: string): string | undefined {
    if (!place.startsWith('@')) {
      const expected = 'expected a channel (#ops or its id), the id of a user, @person or @role';
      return SLACK_PLACE.test(place) ? undefined : `${expected}, got ${JSON.stringify(place)}`;
    }
    const { people, roles } = this.#known;
    if (people === undefined || roles === undefined) return undefined;
    const name = place.slice(1);
    const person = people.get(name);
    if (person !== undefined) return person.slack === undefined ? `${name} has no \`slack\` id in \`people\`` : undefined;
    const role = roles.get(name);
    if (role === undefined) {
      return `unknown person or role '${name}'${suggestName(name, [...people.keys(), ...roles.keys()])}`;
    }
    const isReachable = role.people.some((member) => people.get(member)?.slack !== undefined);
    return isReachable || role.slackUsergroup !== undefined
      ? undefined
      : `the role '${name}' has no slack_usergroup, and none of its people has a \`slack\` id`;
  }

  #checkService(name: string, report: ReportTarget): void {
    const services = this.#known.pagerduty;
    if (services === undefined) return;
    if (services !== 'log') {
      if (!services.has(name)) report('pagerduty', `unknown PagerDuty service '${name}'${suggestName(name, [...services])}`);
    } else if (!this.#saysLog) {
      this.#saysLog = true;
      report('pagerduty', `pages to '${name}' go to the log only: \`pagerduty\` is not configured`, { severity: 'warning' });
    }
  }
}
