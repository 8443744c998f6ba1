/** The event handlers of identity-service on a real database, called one by one: a test decides what arrives when. */
import { randomUUID } from 'node:crypto';
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
import { service } from '../../apps/identity-service/src/service.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

export class HandlerRig {
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
    this.reevaluator = new Reevaluator(database, evaluator, reconciler, logger);
    this.losses = new HeldLosses(database, this.reevaluator, logger, metrics);
    const people = new PersonEvaluator(evaluator, this.reevaluator, reconciler);
    this.users = new IdentityUsersConsumer(people, this.reevaluator);
    this.access = new IdentityAccessConsumer(people);
    this.cases = new IdentityCasesConsumer(people);
    this.groups = new IdentityGroupsConsumer(this.reevaluator);
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

  async reevaluateAll(): Promise<void> {
    while (await this.reevaluator.round());
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
