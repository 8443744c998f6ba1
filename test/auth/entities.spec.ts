/** The entities of auth-service describe the tables that its migration creates. */
import { Database } from '#platform';
import { service } from '../../apps/auth-service/src/service.js';
import { createTestDatabase } from '../support/database.js';
import { entityDifferences } from '../support/entities.js';

it('has an entity for each table, with the columns that the table has', async () => {
  const test = await createTestDatabase();
  const database = await Database.connect({ url: test.url('auth-service'), ...service.database });
  try {
    await database.migrate();
    expect(await entityDifferences(database)).toEqual([]);
  } finally {
    await database.close();
    await test.drop();
  }
});
