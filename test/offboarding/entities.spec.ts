import { Database } from '#platform';
import { service } from '../../apps/deactivation-worker/src/service.js';
import { createTestDatabase } from '../support/database.js';
import { entityDifferences } from '../support/entities.js';

it('describes the tables of deactivation-worker by entities as its migrations create them', async () => {
  const test = await createTestDatabase();
  const database = await Database.connect({ url: test.url('deactivation-worker'), ...service.database });
  await database.migrate();
  expect(await entityDifferences(database)).toEqual([]);
  await database.close();
  await test.drop();
});
