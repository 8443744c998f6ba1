/** Stands in for identity-service: creates users in the pool and publishes accounts through a real outbox. */
import { Outbox, postgresSequencer, type NewEvent, type Sequencer } from '#event-bus';
import { createLogger, Database, Metrics } from '#platform';
import type { Person } from './identity-directory.js';
import type { TestDatabase } from './database.js';

export class Accounts {
  private readonly outbox = new Outbox('identity', 'identity-service');
  private readonly versions = new Map<string, number>();

  private constructor(
    private readonly database: Database,
    private readonly admin: Database,
    private readonly poolId: string,
    private readonly sequencer: Sequencer,
  ) {}

  static async open(test: TestDatabase, admin: Database, poolId: string): Promise<Accounts> {
    const database = await Database.connect({ url: test.url('identity-service'), schema: 'identity' });
    const metrics = new Metrics('test', { process: false });
    const logger = createLogger('test', 'silent');
    const sequencer = postgresSequencer({ database, schema: 'identity', logger, metrics });
    await sequencer.start();
    return new Accounts(database, admin, poolId, sequencer);
  }

  async close(): Promise<void> {
    await this.sequencer.stop();
    await this.database.close();
  }

  /** Creates the users and publishes their accounts. */
  async provision(people: readonly Person[], roles: readonly string[] = ['viewer']): Promise<void> {
    await this.makeUsers(people);
    await this.publish(people, 'provisioned', roles);
  }

  /** Creates users without publishing anything. Writes to the stand-in's table directly, because tests create thousands. */
  async makeUsers(people: readonly Person[]): Promise<void> {
    await this.admin.query(
      `insert into sandbox.cognito_user (pool_id, username_key, username, sub, attributes, status)
       select $1, id, id, gen_random_uuid(), '{}', 'CONFIRMED' from unnest($2::text[]) as u(id) on conflict do nothing`,
      [this.poolId, people.map((person) => person.id)],
    );
  }

  async publish(
    people: readonly Person[],
    what: 'provisioned' | 'roles-changed',
    roles: readonly string[],
  ): Promise<void> {
    const events = people.map((person) => this.event(person, what, roles));
    for (let i = 0; i < events.length; i += 500)
      await this.database.tx((tx) => this.outbox.add(tx, events.slice(i, i + 500)));
  }

  private event(person: Person, what: string, roles: readonly string[]): NewEvent {
    const version = (this.versions.get(person.id) ?? 0) + 1;
    this.versions.set(person.id, version);
    const account = {
      id: person.id,
      userName: person.userName,
      externalId: person.externalId,
      email: person.email,
      displayName: person.displayName,
      status: 'active',
      roles: [...roles],
      primaryRole: roles[0] ?? null,
    };
    const more = what === 'roles-changed' ? { granted: [], revoked: [], mappingVersion: null } : {};
    return {
      type: `com.stackflow.identity.account.${what}.v1`,
      tenant: person.tenant,
      subject: person.id,
      sequence: version,
      causationId: `identity-${version}`,
      data: { account, ...more },
    } as NewEvent;
  }
}
