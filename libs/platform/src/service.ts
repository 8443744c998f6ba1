/**
 * Runs a service: reads the configuration, opens and migrates the database, starts Nest on Fastify with `/health/*` and
 * `/metrics`, and stops cleanly on SIGTERM or SIGINT.
 */
import 'reflect-metadata';
import type { ServerOptions } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Module, type DynamicModule, type INestApplication, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyServerOptions } from 'fastify';
import { EXIT } from '#command-line';
import {
  ConfigError,
  describeConfig,
  loadConfig,
  printableConfig,
  serviceSettings,
  type ConfigOf,
  type ConfigShape,
} from './config.js';
import { connectConsumer } from './consumers.js';
import { CONFIG, LOGGER, SERVICE, type PlatformContext } from './context.js';
import { Database, isDatabaseOutage, PostgresTooOld, type DatabaseOptions } from './database.js';
import { Health, HealthController } from './health.js';
import { createLogger, nestLogger, type Logger } from './logging.js';
import { Metrics } from './metrics.js';
import { sendProblem, toProblem } from './problem.js';
import { startTracing } from './tracing.js';

/** Fastify's options, with those of Node's own server. */
type FastifyHttpOptions = FastifyServerOptions & { http?: ServerOptions };

type Shape = typeof serviceSettings & ConfigShape;

export interface ServiceDefinition<S extends Shape> {
  readonly name: string;
  /** One sentence for `--help`. */
  readonly summary: string;
  readonly config: S;
  readonly database: Pick<DatabaseOptions, 'schema' | 'migrations' | 'entities' | 'statementTimeoutMs'>;
  module(platform: PlatformContext<ConfigOf<S>>): DynamicModule | Type | Promise<DynamicModule>;
  /** Returns the strategies that call the `@EventPattern` handlers of the controllers. */
  strategies?(platform: PlatformContext<ConfigOf<S>>): CustomTransportStrategy[];
  readonly fastify?: FastifyHttpOptions;
  /** Configures the application before it listens, e.g. adds content type parsers. */
  configure?(app: NestFastifyApplication, platform: PlatformContext<ConfigOf<S>>): void | Promise<void>;
}

export async function runService<S extends Shape>(
  definition: ServiceDefinition<S>,
  argv: readonly string[] = process.argv.slice(2),
): Promise<void> {
  if (argv.includes('--help')) {
    console.log(
      `${definition.name}: ${definition.summary}\n\nOptions: --help  --print-config  --migrate (check or apply migrations, and exit)\n\nEnvironment:\n${describeConfig(definition.config)}`,
    );
    return;
  }
  let config: ConfigOf<S>;
  try {
    config = loadConfig(definition.name, definition.config);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exitCode = EXIT.config;
    return;
  }
  if (argv.includes('--print-config')) {
    console.log(printableConfig(definition.config, config));
    return;
  }
  const base = config as unknown as ConfigOf<typeof serviceSettings>;
  const logger = createLogger(definition.name, base.LOG_LEVEL);
  const stopTracing = await startTracing(definition.name, base.OTEL_EXPORTER_OTLP_ENDPOINT);
  const metrics = new Metrics(definition.name);
  const health = new Health();
  let database: Database;
  try {
    database = await connectWithRetries(
      {
        ...definition.database,
        url: base.DATABASE_URL,
        poolSize: base.DATABASE_POOL_SIZE,
        applicationName: definition.name,
        logger,
      },
      logger,
    );
    const applied = await database.migrate();
    if (applied.length > 0) logger.info({ applied }, 'migrations applied');
  } catch (error) {
    if (error instanceof PostgresTooOld)
      logger.fatal({ code: 'database_too_old' }, `${error.message}, so the service does not start; check DATABASE_URL`);
    else
      logger.fatal(
        { err: error, code: 'database_unavailable' },
        'cannot open the database, so the service does not start; check DATABASE_URL, and check that provisioning has run with this version',
      );
    process.exitCode = EXIT.unavailable;
    await stopTracing();
    return;
  }
  if (argv.includes('--migrate')) {
    await database.close();
    await stopTracing();
    return;
  }
  const platform: PlatformContext<ConfigOf<S>> = {
    service: definition.name,
    config,
    database,
    logger,
    metrics,
    health,
  };

  const app = await createApplication(definition, platform);
  for (const strategy of definition.strategies?.(platform) ?? []) connectConsumer(app, strategy);
  await app.startAllMicroservices();
  await app.listen(base.PORT, base.HOST);
  logger.info({ url: await app.getUrl(), node: process.version }, 'listening');
  endOnSignal(app, platform, stopTracing);
}

/**
 * Creates the Nest application, which does not listen yet. With `preview`, Nest creates no providers; this is used to
 * generate the OpenAPI document.
 */
export async function createApplication<S extends Shape>(
  definition: ServiceDefinition<S>,
  platform: PlatformContext<ConfigOf<S>>,
  { preview = false } = {},
): Promise<NestFastifyApplication> {
  @Module({})
  class PlatformModule {}
  @Module({})
  class RootModule {}
  const own = await definition.module(platform);
  const providers = [
    { provide: CONFIG, useValue: platform.config },
    { provide: SERVICE, useValue: definition.name },
    { provide: LOGGER, useValue: platform.logger },
    { provide: Database, useValue: platform.database },
    { provide: Metrics, useValue: platform.metrics },
    { provide: Health, useValue: platform.health },
  ];
  const root: DynamicModule = {
    module: RootModule,
    imports: [
      {
        module: PlatformModule,
        global: true,
        providers,
        exports: providers.map(({ provide }) => provide),
        controllers: [HealthController],
      },
      own,
    ],
  };
  const { REQUEST_TIMEOUT_SECONDS = 30 } = platform.config as Partial<ConfigOf<typeof serviceSettings>>;
  const limits = timeouts(REQUEST_TIMEOUT_SECONDS * 1_000);
  const fastify: FastifyHttpOptions = {
    // Answer with a problem even if Fastify refuses a request before any routing, e.g. for a URL that cannot be
    // decoded.
    frameworkErrors: (error, _request, reply) => sendProblem(reply, toProblem(error)),
    ...limits,
    ...definition.fastify,
    http: { ...limits.http, ...definition.fastify?.http },
  };
  const app = await NestFactory.create<NestFastifyApplication>(root, new FastifyAdapter(fastify), {
    logger: nestLogger(platform.logger),
    bodyParser: false,
    abortOnError: false,
    preview,
  });
  if (!preview) {
    countAborted(app, platform);
    platform.health.add('ready', 'database', async () => void (await platform.database.query('select 1')));
    await definition.configure?.(app, platform);
  }
  return app;
}

async function connectWithRetries(options: DatabaseOptions, logger: Logger, limitMs = 60_000): Promise<Database> {
  const deadline = Date.now() + limitMs;
  for (let attempt = 1; ; attempt++) {
    try {
      return await Database.connect(options);
    } catch (error) {
      if (!isDatabaseOutage(error) || Date.now() > deadline) throw error;
      logger.warn(
        { attempt, code: 'database_unavailable', reason: (error as Error).message },
        'the database does not answer; trying again for up to a minute',
      );
      await sleep(Math.min(250 * attempt, 2_000));
    }
  }
}

/** The longest silence in an open connection, for clients that stop to read. Nothing that a service does takes as long. */
const SILENCE_MS = 150_000;
/** Idle connections outlive those of common load balancers, which could otherwise send into a closing connection. */
const KEEP_ALIVE_MS = 75_000;
const TIMEOUT_CHECK_MS = 1_000;

/** The time-outs of every service. Fastify by default waits for ever, so half-sent requests would pile up. */
function timeouts(requestMs: number): FastifyHttpOptions {
  const limits = { requestTimeout: requestMs, headersTimeout: Math.min(requestMs, 20_000) };
  return {
    requestTimeout: requestMs,
    connectionTimeout: SILENCE_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: { ...limits, connectionsCheckingInterval: TIMEOUT_CHECK_MS },
  };
}

/** Counts requests that the client gave up. Anonymous callers can do so at will, so there is no stack in the log. */
function countAborted(app: NestFastifyApplication, { metrics, logger }: PlatformContext<unknown>): void {
  const aborted = metrics.counter(
    'http_requests_aborted_total',
    'HTTP requests whose connection ended before they were complete.',
  );
  const server = app.getHttpAdapter().getInstance();
  server.addHook('onRequestAbort', (request, done) => {
    aborted.inc();
    logger.info(
      { code: 'request_aborted', method: request.method, route: request.routeOptions.url },
      'The connection ended before the request was complete.',
    );
    done();
  });
}

const SHUTDOWN_LIMIT_MS = 15_000;

function endOnSignal(
  app: INestApplication,
  platform: PlatformContext<unknown>,
  stopTracing: () => Promise<void>,
): void {
  let ending = false;
  const end = (signal: string) => {
    if (ending) return;
    ending = true;
    platform.logger.info({ signal }, 'shutting down');
    setTimeout(() => {
      platform.logger.error({ code: 'shutdown_timeout' }, 'shutdown took too long; the process exits now');
      process.exit(1);
    }, SHUTDOWN_LIMIT_MS).unref();
    void app
      .close()
      .then(() => platform.database.close())
      .then(stopTracing)
      .catch((error: unknown) => platform.logger.error({ err: error }, 'shutdown failed'))
      .finally(() => process.exit(process.exitCode ?? 0));
  };
  process.on('SIGTERM', () => end('SIGTERM'));
  process.on('SIGINT', () => end('SIGINT'));
  process.on('disconnect', () => end('disconnect'));
}
