/** Compares the entities of a service with the tables that its migrations created. */
import type { Database } from '#platform';

/** Statements that would change the tables to match the entities. Empty if they match. */
export async function entityDifferences(database: Database): Promise<string[]> {
  const { upQueries } = await database.dataSource.driver.createSchemaBuilder().log();
  // Indexes, checks and foreign keys are declared in migrations only, because partial indexes and expressions have no
  // entity form.
  return upQueries.map(({ query }) => query).filter((query) => !/\b(INDEX|CONSTRAINT)\b/.test(query));
}
