/** The entities of identity-service against the tables that its migration makes. */
import { Database } from '#platform';
import { service } from '../../apps/identity-service/src/service.js';
import { createTestDatabase } from '../support/database.js';
import { entityDifferences } from '../support/entities.js';

it('has entities that describe every column as the migration makes it', async () => {
  const test = await createTestDatabase();
  const database = await Database.connect({ url: test.url('identity-service'), ...service.database });
  try {
    await database.migrate();
    expect(await entityDifferences(database)).toEqual([]);
  } finally {
    await database.close();
    await test.drop();
  }
});
