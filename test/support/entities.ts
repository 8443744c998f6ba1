/** Whether the entities of a service describe the tables that its migrations made: asks TypeORM for the difference. */
import type { Database } from '#platform';

/** Statements that would make the tables equal to the entities, without those about indexes and constraints; empty = they agree. */
export async function entityDifferences(database: Database): Promise<string[]> {
  const { upQueries } = await database.dataSource.driver.createSchemaBuilder().log();
  // Indexes, checks, and foreign keys stand in the migrations alone: partial ones and ones on expressions have no entity form.
  return upQueries.map(({ query }) => query).filter((query) => !/\b(INDEX|CONSTRAINT)\b/.test(query));
}
