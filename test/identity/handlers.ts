/** The event handlers of identity-service on a real database, called one by one: a test decides what arrives when. */
import { randomUUID } from 'node:crypto';
import { ServiceUnreachable, type DirectoryClient, type GroupMembersPage, type GroupMembersQuery } from '#contracts';
import { EventContext, Outbox } from '#event-bus';
import { eventKey, topicOf, type EventEnvelope } from '#events';
import { createLogger, Database, Metrics, type Logger, type Tx } from '#platform';
import { Evaluator } from '../../apps/identity-service/src/accounts/evaluator.js';
import { PersonEvaluator } from '../../apps/identity-service/src/accounts/person-evaluator.js';
import { Reevaluator } from '../../apps/identity-service/src/accounts/reevaluator.js';
import { HeldLosses } from '../../apps/identity-service/src/brake/held-losses.js';
import { LossBrake } from '../../apps/identity-service/src/brake/loss-brake.js';
import type { Reconciler } from '../../apps/identity-service/src/cognito/reconciler.js';
import { IdentityAccessConsumer } from '../../apps/identity-service/src/consumers/access.consumer.js';
import { IdentityCasesConsumer } from '../../apps/identity-service/src/consumers/cases.consumer.js';
import { IdentityGroupsConsumer } from '../../apps/identity-service/src/consumers/groups.consumer.js';
import { IdentitySettingsConsumer } from '../../apps/identity-service/src/consumers/settings.consumer.js';
import { IdentityUsersConsumer } from '../../apps/identity-service/src/consumers/users.consumer.js';
import { MembershipLoader } from '../../apps/identity-service/src/directory/membership-loader.js';
import { service } from '../../apps/identity-service/src/service.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

/** Answers what scim-gateway would answer about the members of a group. */
export type MembersOf = (group: string, query: GroupMembersQuery) => GroupMembersPage | Promise<GroupMembersPage>;

export class HandlerRig {
  /** The directory of each tenant. Without one, scim-gateway does not answer. */
  readonly directories = new Map<string, MembersOf>();
  readonly loader: MembershipLoader;
  readonly reevaluator: Reevaluator;
  readonly losses: HeldLosses;
  private readonly users: IdentityUsersConsumer;
  private readonly groups: IdentityGroupsConsumer;
  private readonly settings: IdentitySettingsConsumer;
  private readonly access: IdentityAccessConsumer;
  private readonly cases: IdentityCasesConsumer;

  private constructor(
    readonly test: TestDatabase,
    readonly database: Database,
    logger: Logger,
  ) {
    const metrics = new Metrics('test', { process: false });
    const evaluator = new Evaluator(new Outbox('identity', 'identity-service'), new LossBrake(logger, metrics));
    const reconciler = { wake: () => undefined } as Reconciler;
    const directory: Pick<DirectoryClient, 'members'> = {
      members: async (tenant, group, query) => {
        const members = this.directories.get(tenant);
        if (!members) throw new ServiceUnreachable('scim-gateway', 'http://scim-gateway');
        return members(group, query ?? {});
      },
    };
    this.loader = new MembershipLoader(database, directory as DirectoryClient, metrics, logger);
    this.reevaluator = new Reevaluator(database, evaluator, reconciler, this.loader, logger);
    this.losses = new HeldLosses(database, this.reevaluator, logger, metrics);
    const people = new PersonEvaluator(evaluator, this.reevaluator, reconciler);
    this.users = new IdentityUsersConsumer(people);
    this.access = new IdentityAccessConsumer(people);
    this.cases = new IdentityCasesConsumer(people);
    this.groups = new IdentityGroupsConsumer(people, this.reevaluator, this.loader);
    this.settings = new IdentitySettingsConsumer(this.reevaluator);
  }

  static async start(logger = createLogger('test', 'error')): Promise<HandlerRig> {
    const test = await createTestDatabase();
    const database = await Database.connect({ url: test.url('identity-service'), ...service.database });
    await database.migrate();
    return new HandlerRig(test, database, logger);
  }

  async close(): Promise<void> {
    await this.database.close();
    await this.test.drop();
  }

  /** Delivers an event as the bus would, in a transaction of its own or the given one, but without the inbox. */
  async deliver(event: EventEnvelope, within?: Tx): Promise<void> {
    const topic = topicOf(event.type) ?? '';
    const handle = async (tx: Tx): Promise<void> => {
      const context = new EventContext(tx, event, topic, 0, '1', 'identity-service', 1);
      if (topic === 'directory.users') await this.users.personChanged(context);
      else if (topic === 'directory.groups') await this.groups.groupChanged(context);
      else if (topic === 'identity.access') await this.access.accessChanged(context);
      else if (topic === 'offboarding.cases') await this.cases.caseChanged(context);
      else await this.settings.settingsChanged(context);
    };
    await (within ? handle(within) : this.database.tx(handle));
  }

  /** Loads and evaluates until nothing is left to do. The events of groups that are loading must have been delivered. */
  async reevaluateAll(): Promise<void> {
    for (let round = 0; round < 500; round++) {
      while (await this.reevaluator.round());
      await this.database.query('update membership_load set next_attempt_at = now()');
      if (!(await this.loader.round())) return;
    }
    throw new Error(
      `members are still loading: ${JSON.stringify(await this.database.query('select * from membership_load'))}`,
    );
  }
}

export function envelope(
  type: string,
  tenant: string,
  subject: string,
  sequence: number,
  data: unknown,
  causationid = 'req-1',
): EventEnvelope {
  return {
    id: randomUUID(),
    type,
    source: '/stackflow/test',
    subject,
    time: new Date().toISOString(),
    tenant,
    key: eventKey(tenant, subject),
    sequence,
    causationid,
    traceparent: null,
    data,
  } as EventEnvelope;
}
