/** The event handlers of identity-service on a real database, called one by one: tests decide what arrives when. */
import { randomUUID } from 'node:crypto';
import { EventContext, Outbox } from '#event-bus';
import { eventKey, topicOf, type EventEnvelope } from '#events';
import { createLogger, Database } from '#platform';
import { AccessController } from '../../apps/identity-service/src/access/access.controller.js';
import { CasesController } from '../../apps/identity-service/src/access/cases.controller.js';
import { GroupsController } from '../../apps/identity-service/src/directory/groups.controller.js';
import { SettingsController } from '../../apps/identity-service/src/directory/settings.controller.js';
import { UsersController } from '../../apps/identity-service/src/directory/users.controller.js';
import { migrations } from '../../apps/identity-service/src/migrations/index.js';
import { Evaluator } from '../../apps/identity-service/src/roles/evaluator.js';
import { PersonEvaluator } from '../../apps/identity-service/src/roles/person-evaluator.js';
import { Reevaluator } from '../../apps/identity-service/src/roles/reevaluator.js';
import { Wake } from '../../apps/identity-service/src/wake.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

export class HandlerRig {
  readonly reevaluator: Reevaluator;
  private readonly users: UsersController;
  private readonly groups: GroupsController;
  private readonly settings: SettingsController;
  private readonly access: AccessController;
  private readonly cases: CasesController;

  private constructor(
    readonly test: TestDatabase,
    readonly database: Database,
  ) {
    const wake = new Wake();
    const evaluator = new Evaluator(new Outbox('identity', '/test'));
    const people = new PersonEvaluator(evaluator, wake);
    this.users = new UsersController(people, wake);
    this.access = new AccessController(people);
    this.cases = new CasesController(people);
    this.groups = new GroupsController(wake);
    this.settings = new SettingsController(wake);
    this.reevaluator = new Reevaluator(database, evaluator, createLogger('test', 'error'), () => undefined);
  }

  static async start(): Promise<HandlerRig> {
    const test = await createTestDatabase();
    const database = await Database.connect({ url: test.url('identity-service'), schema: 'identity', migrations });
    await database.migrate();
    return new HandlerRig(test, database);
  }

  async close(): Promise<void> {
    await this.database.close();
    await this.test.drop();
  }

  /** As the bus would deliver it: one transaction, no inbox in front (the handlers' own version gates count). */
  deliver(event: EventEnvelope): Promise<void> {
    const topic = topicOf(event.type) ?? '';
    return this.database.tx(async (tx) => {
      const context = new EventContext(tx, event, topic, 0, '1', 'identity-service', 1);
      if (topic === 'directory.users') await this.users.personChanged(context);
      else if (topic === 'directory.groups') await this.groups.groupChanged(context);
      else if (topic === 'identity.access') await this.access.accessChanged(context);
      else if (topic === 'offboarding.cases') await this.cases.caseChanged(context);
      else await this.settings.settingsChanged(context);
    });
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
