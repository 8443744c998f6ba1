/** The event handlers of identity-service on a real database, called one by one: tests decide what arrives when. */
import { randomUUID } from 'node:crypto';
import { EventContext, Outbox } from '#event-bus';
import { eventKey, topicOf, type EventEnvelope } from '#events';
import { createLogger, Database, Metrics, type Logger, type Tx } from '#platform';
import { AccessController } from '../../apps/identity-service/src/access/access.controller.js';
import { CasesController } from '../../apps/identity-service/src/access/cases.controller.js';
import { GroupsController } from '../../apps/identity-service/src/directory/groups.controller.js';
import { SettingsController } from '../../apps/identity-service/src/directory/settings.controller.js';
import { UsersController } from '../../apps/identity-service/src/directory/users.controller.js';
import { migrations } from '../../apps/identity-service/src/migrations/index.js';
import { Evaluator } from '../../apps/identity-service/src/roles/evaluator.js';
import { HeldLosses } from '../../apps/identity-service/src/roles/held-losses.js';
import { LossBrake } from '../../apps/identity-service/src/roles/loss-brake.js';
import { PersonEvaluator } from '../../apps/identity-service/src/roles/person-evaluator.js';
import { Reevaluator } from '../../apps/identity-service/src/roles/reevaluator.js';
import { Wake } from '../../apps/identity-service/src/wake.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

export class HandlerRig {
  readonly reevaluator: Reevaluator;
  readonly losses: HeldLosses;
  private readonly users: UsersController;
  private readonly groups: GroupsController;
  private readonly settings: SettingsController;
  private readonly access: AccessController;
  private readonly cases: CasesController;

  private constructor(
    readonly test: TestDatabase,
    readonly database: Database,
    logger: Logger,
  ) {
    const wake = new Wake();
    const metrics = new Metrics('test', { process: false });
    const brake = new LossBrake(logger, metrics);
    const evaluator = new Evaluator(new Outbox('identity', '/test'), brake);
    this.losses = new HeldLosses({ database, logger: logger, metrics, asked: () => undefined, pollMs: 50 });
    const people = new PersonEvaluator(evaluator, wake);
    this.users = new UsersController(people, wake);
    this.access = new AccessController(people);
    this.cases = new CasesController(people);
    this.groups = new GroupsController(wake);
    this.settings = new SettingsController(wake);
    this.reevaluator = new Reevaluator(database, evaluator, logger, () => undefined);
  }

  static async start(logger = createLogger('test', 'error')): Promise<HandlerRig> {
    const test = await createTestDatabase();
    const database = await Database.connect({ url: test.url('identity-service'), schema: 'identity', migrations });
    await database.migrate();
    return new HandlerRig(test, database, logger);
  }

  async close(): Promise<void> {
    await this.database.close();
    await this.test.drop();
  }

  /** As the bus would deliver it, in a transaction of its own or the given one; no inbox in front. */
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
    source: '/test',
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
