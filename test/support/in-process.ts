/** One of our services in the test's process: real Nest, real HTTP, real consumers, on the given database. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import {
  connectConsumer,
  createApplication,
  createLogger,
  Database,
  Health,
  loadConfig,
  Metrics,
  type ConfigOf,
  type ConfigShape,
  type ServiceDefinition,
  type serviceSettings,
} from '#platform';

// The AWS SDK needs credentials; the stand-ins accept any.
process.env.AWS_ACCESS_KEY_ID ??= 'test';
process.env.AWS_SECRET_ACCESS_KEY ??= 'test';

export interface InProcess {
  readonly app: NestFastifyApplication;
  readonly url: string;
  readonly database: Database;
  readonly metrics: Metrics;
  stop(): Promise<void>;
}

export async function startInProcess<S extends typeof serviceSettings & ConfigShape>(
  service: ServiceDefinition<S>,
  environment: Readonly<Record<string, string>>,
  poolSize = 10,
): Promise<InProcess> {
  const LOG_LEVEL = process.env.TEST_LOG_LEVEL ?? 'silent';
  const config = loadConfig(service.name, service.config, { LOG_LEVEL, PORT: '0', ...environment });
  const { DATABASE_URL: url, LOG_LEVEL: level } = config as unknown as ConfigOf<typeof serviceSettings>;
  const logger = createLogger(service.name, level);
  const database = await Database.connect({ url, poolSize, ...service.database });
  await database.migrate();
  const metrics = new Metrics(service.name, { process: false });
  const platform = { service: service.name, config, database, logger, metrics, health: new Health() };
  const app = await createApplication(service, platform);
  for (const strategy of service.strategies?.(platform) ?? []) connectConsumer(app, strategy);
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
  return {
    app,
    url: await app.getUrl(),
    database,
    metrics,
    stop: async () => {
      await app.close();
      await database.close();
    },
  };
}
