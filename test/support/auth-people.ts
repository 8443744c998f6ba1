/** Stands for the other services: publishes their events by real outboxes, and creates Cognito's users. */
import {
  AdminAddUserToGroupCommand,
  AdminCreateUserCommand,
  AdminDisableUserCommand,
  AdminSetUserPasswordCommand,
  CreateGroupCommand,
  GroupExistsException,
  type CognitoIdentityProviderClient,
} from '@aws-sdk/client-cognito-identity-provider';
import { randomBytes, randomUUID } from 'node:crypto';
import { Outbox, type Sequencer, type NewEvent, postgresSequencer } from '#event-bus';
import type { Access, Account, AccessUser, DirectoryUser, TenantSettings } from '#events';
import { createLogger, Database, Metrics } from '#platform';
import { defaultSettings } from '#settings';
import type { TestDatabase } from './database.js';

export interface Person extends Account {
  readonly tenant: string;
}

const SCHEMAS = {
  identity: 'identity-service',
  offboarding: 'deactivation-worker',
  hub: 'integration-hub',
  directory: 'scim-gateway',
} as const;
type Schema = keyof typeof SCHEMAS;

export class People {
  private readonly versions = new Map<string, number>();
  private readonly outboxes = new Map<Schema, Outbox>();
  private readonly databases = new Map<Schema, Database>();
  private readonly sequencers: Sequencer[] = [];

  private constructor(
    private readonly cognito: CognitoIdentityProviderClient,
    private readonly userPoolId: string,
  ) {}

  static async open(test: TestDatabase, cognito: CognitoIdentityProviderClient, userPoolId: string): Promise<People> {
    const people = new People(cognito, userPoolId);
    for (const [schema, role] of Object.entries(SCHEMAS) as [Schema, (typeof SCHEMAS)[Schema]][]) {
      const database = await Database.connect({ url: test.url(role), schema });
      const logger = createLogger('test', 'silent');
      const metrics = new Metrics('test', { process: false });
      const sequencer = postgresSequencer({ database, schema, logger, metrics });
      await sequencer.start();
      people.databases.set(schema, database);
      people.outboxes.set(schema, new Outbox(schema, role));
      people.sequencers.push(sequencer);
    }
    return people;
  }

  async close(): Promise<void> {
    await Promise.all(this.sequencers.map((s) => s.stop()));
    await Promise.all([...this.databases.values()].map((d) => d.close()));
    this.cognito.destroy();
  }

  async publishSettings(
    id: string,
    slug: string,
    { host, ...change }: Partial<TenantSettings> & { readonly host: string | null },
  ): Promise<void> {
    const data = { ...defaultSettings(), tenant: { id, slug, host }, scimToken: null, ...change };
    await this.publish('hub', 'com.stackflow.integration.settings.changed.v1', id, id, data);
  }

  /** Creates the user in Cognito, and publishes account and access. */
  async add(tenant: string, change: Partial<Person> = {}): Promise<Person> {
    const person = this.make(tenant, change);
    await this.createUser(person);
    await this.publishAccount(person, 'provisioned');
    await this.publishAccess(person);
    return person;
  }

  make(tenant: string, change: Partial<Person> = {}): Person {
    const id = randomUUID();
    const name = `ada.${id.slice(0, 8)}@example.com`;
    return {
      id,
      tenant,
      userName: name,
      externalId: `00u${randomBytes(8).toString('hex').slice(0, 17)}`,
      email: name,
      displayName: 'Ada Lovelace',
      status: 'active',
      roles: ['itsm_agent', 'viewer'],
      primaryRole: 'itsm_agent',
      ...change,
    };
  }

  async createUser({ id, tenant, externalId }: Person): Promise<void> {
    const user = { UserPoolId: this.userPoolId, Username: id };
    const attributes = [
      { Name: 'custom:tenant_id', Value: tenant },
      { Name: 'custom:external_id', Value: externalId ?? '' },
    ];
    await this.cognito.send(
      new AdminCreateUserCommand({ ...user, UserAttributes: attributes, MessageAction: 'SUPPRESS' }),
    );
    const password = `Aa1!${randomBytes(24).toString('base64url')}`;
    await this.cognito.send(new AdminSetUserPasswordCommand({ ...user, Password: password, Permanent: true }));
  }

  /** Like identity-service, a moment after the event. */
  async addToGroup({ id }: Person, group: string): Promise<void> {
    const pool = { UserPoolId: this.userPoolId };
    await this.cognito.send(new CreateGroupCommand({ ...pool, GroupName: group })).catch((error: unknown) => {
      if (!(error instanceof GroupExistsException)) throw error;
    });
    await this.cognito.send(new AdminAddUserToGroupCommand({ ...pool, Username: id, GroupName: group }));
  }

  async disableUser({ id }: Person): Promise<void> {
    await this.cognito.send(new AdminDisableUserCommand({ UserPoolId: this.userPoolId, Username: id }));
  }

  publishAccount({ tenant, ...account }: Person, what: string, more: object = {}): Promise<void> {
    return this.publish('identity', `com.stackflow.identity.account.${what}.v1`, tenant, account.id, {
      account,
      ...more,
    });
  }

  publishAccess({ tenant, id, status, roles }: Person, change: Partial<Access> = {}): Promise<void> {
    const data = { account: id, status, roles, notBefore: null, ...change };
    return this.publish('offboarding', 'com.stackflow.identity.access.changed.v1', tenant, id, data);
  }

  /** Publishes a user of the directory, as identity-service needs it to create the account. */
  publishCreation({ tenant, id, userName, externalId, displayName, email }: Person): Promise<void> {
    const name = { givenName: null, familyName: null };
    const user: DirectoryUser = { id, userName, externalId, active: true, displayName, name, email };
    return this.publish('directory', 'com.stackflow.directory.user.created.v2', tenant, id, { user });
  }

  /** Publishes only what concerns the access of a directory user, as deactivation-worker and auth-service need it. */
  publishUser(
    { tenant, id, userName, externalId, displayName }: Person,
    active = true,
    deleted = false,
  ): Promise<void> {
    const user: AccessUser = deleted
      ? { id, userName: '', externalId: null, displayName: null, active: false, deleted }
      : { id, userName, externalId, displayName, active, deleted };
    return this.publish('directory', 'com.stackflow.directory.access.changed.v1', tenant, id, { user });
  }

  private async publish(schema: Schema, type: string, tenant: string, subject: string, data: object): Promise<void> {
    const key = `${/access|account|user|settings/.exec(type)?.[0]}:${subject}`;
    const sequence = (this.versions.get(key) ?? 0) + 1;
    this.versions.set(key, sequence);
    const event = { type, tenant, subject, sequence, causationId: `test-${sequence}`, data } as NewEvent;
    await this.databases.get(schema)?.tx((tx) => this.outboxes.get(schema)?.add(tx, [event]) ?? Promise.resolve());
  }
}
