/** The entities of each service describe the tables that its migration creates. */
import { Database, type DatabaseOptions } from '#platform';
import { service as authService } from '../apps/auth-service/src/service.js';
import { service as deactivationWorker } from '../apps/deactivation-worker/src/service.js';
import { service as identityService } from '../apps/identity-service/src/service.js';
import { createTestDatabase } from './support/database.js';
import { entityDifferences } from './support/entities.js';

const services = {
  'auth-service': authService,
  'deactivation-worker': deactivationWorker,
  'identity-service': identityService,
};
type Service = keyof typeof services;

it.each(Object.keys(services) as Service[])('%s has an entity property for every column', async (name) => {
  const options: Omit<DatabaseOptions, 'url'> = services[name].database;
  const test = await createTestDatabase();
  const database = await Database.connect({ url: test.url(name), ...options });
  try {
    await database.migrate();
    expect(await entityDifferences(database)).toEqual([]);
  } finally {
    await database.close();
    await test.drop();
  }
});
