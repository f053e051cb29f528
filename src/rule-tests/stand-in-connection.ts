import type { Connection, ConnectionKind } from '../domain/connection.ts';
import { Secret } from '../domain/secret.ts';

/** A connection that leads nowhere: scripted remediations look at nothing but its name. */
export function standInConnection(kind: ConnectionKind, name: string): Connection {
  switch (kind) {
    case 'postgres':
      return { kind, name, url: new Secret(''), allowParameters: [], backupDirectories: [] };
    case 'redis':
      return { kind, name, url: new Secret(''), allowFlush: false, allowConfig: [], backupDirectories: [] };
    case 'docker':
      return { kind, name, allow: [], allowPrune: false };
    case 'http':
      return { kind, name, baseUrl: '', headers: {}, allow: [] };
    case 'exec':
      return { kind, name, command: [], args: {}, timeoutMs: 0, environment: {} };
    case 'files':
      return { kind, name, allow: [] };
    case 'kubernetes':
      return { kind, name, namespaces: [], allowNodes: [] };
    case 'prometheus':
    case 'alertmanager':
      return { kind, name, url: '' };
  }
}
