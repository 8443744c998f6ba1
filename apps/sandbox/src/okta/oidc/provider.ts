import type { Database } from '#platform';
import type { CallLog } from '../../control/call-log.js';
import type { Subject } from './claims.js';
import { ClientStore } from './clients.js';
import { FaultQueue, type ClientFault, type ServerFault } from './faults.js';
import { KeyRing } from './keys.js';
import { seconds, type Client, type Grant, type ServerId } from './model.js';
import { OAuthError } from './oauth-error.js';
import { Pending } from './pending.sql.js';
import { findPerson } from './people.sql.js';
import { serverAt, type AuthorizationServer } from './servers.js';
import { OrgSessions } from './sessions.js';
import { Tokens } from './tokens.js';

export class OidcProvider {
  readonly clients: ClientStore;
  readonly keys: KeyRing;
  readonly tokens: Tokens;
  readonly pending: Pending;
  readonly sessions: OrgSessions;
  readonly clientFaults = new FaultQueue<ClientFault>();
  readonly serverFaults = new FaultQueue<ServerFault>();

  /** `origin` is a function, because a free port is known only after the listener has started. */
  constructor(
    readonly database: Database,
    readonly calls: CallLog,
    readonly origin: () => string,
  ) {
    this.clients = new ClientStore(database);
    this.keys = new KeyRing(database);
    this.tokens = new Tokens(this.keys, () => this.foreignKeysUrl);
    this.pending = new Pending(database);
    this.sessions = new OrgSessions(database);
  }

  server(id: ServerId): AuthorizationServer {
    return serverAt(id, this.origin());
  }

  get secure(): boolean {
    return this.origin().startsWith('https:');
  }

  get foreignKeysUrl(): string {
    return `${this.origin()}/sandbox/oidc/foreign-keys`;
  }

  /** Collects the data of new tokens. Refuses a person who was suspended, deactivated or unassigned since the login. */
  async subject(client: Client, grant: Grant): Promise<Subject> {
    const person = await findPerson(this.database, client.slug, grant.personId);
    if (person?.status !== 'ACTIVE' || !person.assigned)
      throw new OAuthError('invalid_grant', 'The user of the authorization grant is not active.');
    return { server: this.server(grant.server), client, person, grant, now: seconds(Date.now()) };
  }
}
