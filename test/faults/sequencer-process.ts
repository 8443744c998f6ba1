/** A publisher process for a test to kill: the sequencer of the outbox in schema `directory`, and nothing else. */
import { busSettings, createBus } from '#event-bus';
import { createLogger, Database, Health, loadConfig, Metrics, postgresUrl } from '#platform';

const shape = { ...busSettings, DATABASE_URL: postgresUrl({ purpose: 'The outbox.', example: 'postgres://...' }) };
const config = loadConfig('sequencer', shape);
const database = await Database.connect({
  url: config.DATABASE_URL,
  schema: 'directory',
  poolSize: 2,
  applicationName: 'sequencer',
});
const platform = {
  service: 'scim-gateway', // publishes to the topics of this owner
  database,
  logger: createLogger('sequencer', 'warn'),
  metrics: new Metrics('sequencer', { process: false }),
  health: new Health(),
};
await createBus(config, platform).sequencer().start();
process.send?.('started');
process.on('disconnect', () => process.exit(0)); // never outlives the test
