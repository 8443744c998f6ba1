/** The subscriber kit as another team would use it: one class. */
import { randomUUID } from 'node:crypto';
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { subscriberService, type EventContext } from '#event-bus';
import { connectConsumer, createApplication, createLogger, Database, Health, loadConfig, Metrics } from '#platform';
import { EventAdmin } from '../../libs/event-bus/src/admin/event-admin.js';
import { BusRig, groupEvent, newTenant, until } from './bus-rig.js';

@Controller()
class GroupList {
  static broken: string | undefined;

  @EventPattern('directory.groups')
  async changed(@Ctx() { event, tx }: EventContext<'com.stackflow.directory.group.created.v1'>): Promise<void> {
    if (event.subject === GroupList.broken) throw new Error('no');
    await tx.query('insert into group_list (name) values ($1)', [event.data.group.displayName]);
  }

  @EventPattern('com.stackflow.directory.group.deleted.v1')
  async deleted(@Ctx() { event, tx }: EventContext<'com.stackflow.directory.group.deleted.v1'>): Promise<void> {
    await tx.query('delete from group_list where name = $1', [event.data.group.displayName]);
  }
}

describe('a subscriber of one class', () => {
  it('gets each event once and in order, by topic or by type, with parking, metrics and an internal API', async () => {
    const rig = await BusRig.create({ EVENT_CARRIER: 'postgres' });
    const definition = subscriberService({
      name: 'group-list',
      summary: 'Lists groups.',
      schema: 'group_list',
      controllers: [GroupList],
      retryAfterMs: 100,
    });
    await rig.admin.query('create schema group_list');
    const config = loadConfig('group-list', definition.config, {
      DATABASE_URL: rig.testDatabase.adminUrl,
    });
    const database = await Database.connect({ ...definition.database, url: config.DATABASE_URL });
    await database.migrate();
    await database.query('create table group_list (id bigserial, name text)');
    const platform = {
      service: 'group-list',
      config,
      database,
      logger: createLogger('test', 'silent'),
      metrics: new Metrics('group-list', { process: false }),
      health: new Health(),
    };
    const app = await createApplication(definition, platform);
    for (const strategy of definition.strategies?.(platform) ?? []) connectConsumer(app, strategy);
    await app.startAllMicroservices();
    try {
      await rig.sequencer();
      const [tenant, a, b] = [newTenant(), randomUUID(), randomUUID()];
      GroupList.broken = b;
      await rig.publish([
        groupEvent(tenant, a, 1, 'first'),
        groupEvent(tenant, a, 1, 'first'),
        groupEvent(tenant, a, 2, 'second'),
        groupEvent(tenant, b, 1, 'third'),
      ]);
      await rig.publish([{ ...groupEvent(tenant, a, 3, 'first'), type: 'com.stackflow.directory.group.deleted.v1' }]);
      const names = async () =>
        (await database.query<{ name: string }>('select name from group_list order by id')).map((r) => r.name);
      await until(
        async () => (await names()).join() === 'second' || names(),
        'created twice in the log, listed once, the first deleted',
      );
      await until(
        async () => (await database.query('select 1 from parked_event')).length === 1,
        'the failing key is parked',
      );
      const shown = await platform.metrics.registry.metrics();
      expect(shown).toMatch(
        /events_consumed_total\{group="group-list",topic="directory.groups",outcome="duplicate"[^}]*\} 1/,
      );
      expect(shown).toMatch(/event_parked_keys\{group="group-list"[^}]*\} 1/);
      expect(shown).toMatch(/event_consumer_lag\{group="group-list",topic="directory.groups"[^}]*\} 0/);
      expect(await app.get(EventAdmin, { strict: false }).state()).toMatchObject({ outbox: null });
      GroupList.broken = undefined;
      await until(async () => (await names()).join() === 'second,third' || names(), 'the parked key resumes');
    } finally {
      await app.close();
      await database.close();
      await rig.close();
    }
  });
});
