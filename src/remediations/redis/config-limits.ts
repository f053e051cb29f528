import type { RedisConnection } from '../../domain/connection.ts';
import { StepError } from '../../domain/remediation.ts';

// Redis marks those parameters as sensitive, and all their names end so; Valkey's and those of modules do too.
const SECRET = /(?:pass|password|auth|secret|token)$/;

/**
 * Parameters that are never set, whatever a connection allows, each with the reason. They are what attackers set.
 * https://redis.io/docs/latest/operate/oss_and_stack/management/security/
 */
const NEVER_SET: readonly (readonly [names: RegExp, reason: string])[] = [
  [SECRET, 'it is a secret'],
  [/^(?:masteruser|primaryuser)$/, 'it decides who the server signs in as'],
  [/^(?:dir|dbfilename|append(?:filename|dirname)|logfile|pidfile|aclfile)$/, 'it makes the server write files elsewhere'],
  [/^(?:enable-.*|lua-enable-.*|loadmodule|sanitize-dump-payload)$/, 'it opens the server to code of others'],
  [/^(?:bind.*|port|unixsocket.*|protected-mode|tls-.*|socket-mark-id)$/, 'it decides who can reach the server'],
  [/^(?:acl-pubsub-default|user|rename-command)$/, 'it decides what users may do'],
  [/^(?:replicaof|slaveof|cluster-.*|(?:replica|slave)-announce.*)$/, 'it leads clients or data to other servers'],
];

/** Whether the value of a parameter is a secret. */
export function isSecretParameter(parameter: string): boolean {
  return SECRET.test(parameter);
}

/** Fails unless the connection allows to set the parameter, by its exact name, and it is none that is never set. */
export function requireParameterAllowed(connection: RedisConnection, parameter: string): void {
  const reason = NEVER_SET.find(([names]) => names.test(parameter))?.[1];
  if (reason !== undefined) {
    throw notAllowed(connection.name, `${JSON.stringify(parameter)} is never set: ${reason}`);
  }
  if (!connection.allowConfig.includes(parameter)) {
    throw notAllowed(
      connection.name,
      `${JSON.stringify(parameter)} may not be set; its connection would have to list it in allow_config`,
    );
  }
}

function notAllowed(connection: string, text: string): StepError {
  return new StepError('not_allowed', `Redis "${connection}": ${text}`, { happened: 'nothing' });
}
