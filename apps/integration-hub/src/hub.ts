/** Opens the hub's parts without an HTTP server, for the CLI and for the local launcher. */
import { createBus, Outbox } from '#event-bus';
import { createLogger, Database, Health, Metrics } from '#platform';
import { SecretStore } from '#secrets';
import type { HubConfig } from './config.js';
import { migrations } from './migrations.js';
import { Publishing } from './publishing.js';
import { TenantStore } from './tenants.js';

const SERVICE = 'integration-hub';
const SCHEMA = 'hub';

export interface Hub {
  readonly tenants: TenantStore;
  close(): Promise<void>;
}

export async function openHub(config: HubConfig): Promise<Hub> {
  const logger = createLogger(SERVICE, config.LOG_LEVEL, process.stderr);
  const database = await Database.connect({
    url: config.DATABASE_URL,
    schema: SCHEMA,
    applicationName: SERVICE,
    poolSize: 4,
    migrations,
  });
  try {
    await database.migrate();
    const metrics = new Metrics(SERVICE, { process: false });
    const bus = createBus(config, { service: SERVICE, database, logger, metrics, health: new Health() });
    const publishing = new Publishing(database, bus.sequencer(SCHEMA), config.PUBLISH_TIMEOUT_MS);
    const secrets = new SecretStore(secretStoreOptions(config));
    return {
      tenants: new TenantStore(database, new Outbox(SCHEMA, `/stackflow/${SERVICE}`), secrets, publishing),
      async close() {
        await publishing.stop();
        secrets.close();
        await database.close();
      },
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** The sandbox on this machine takes any credentials; a person at its command line should not have to invent some. */
function secretStoreOptions(config: HubConfig): ConstructorParameters<typeof SecretStore>[0] {
  const endpoint = config.SECRETS_MANAGER_ENDPOINT;
  const isLoopback = endpoint !== undefined && ['localhost', '127.0.0.1', '[::1]'].includes(new URL(endpoint).hostname);
  return {
    region: config.AWS_REGION,
    endpoint,
    ...(isLoopback && { credentials: { accessKeyId: 'sandbox', secretAccessKey: 'sandbox' } }),
  };
}
