import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT } from '#command-line';
import { isKafkaOutage, kafkaAccess, provisionKafka } from '#event-bus';
import {
  ConfigError,
  createLogger,
  describeConfig,
  isDatabaseOutage,
  loadConfig,
  printableConfig,
  type Logger,
} from '#platform';
import { config as shape, NAMES, ownSettings, passwordVariable } from './config.js';
import { serviceUsers } from './kafka.js';
import { provision, SERVICES, type ServiceName } from './provision.js';

/**
 * Runs the job and returns the exit code. Waits for a database that is starting. All faults of the configuration are
 * printed together, before anything is changed.
 */
export async function runProvision(argv: readonly string[], env?: NodeJS.ProcessEnv): Promise<number> {
  if (argv.includes('--help')) {
    console.log(
      `provision: prepares one Postgres database (roles, schemas, the shared event log), and topics and access on Kafka, and ends.\n\nOptions: --help  --print-config\n\nEnvironment:\n${describeConfig(shape)}`,
    );
    return EXIT.ok;
  }
  let config: ReturnType<typeof readConfig>;
  try {
    config = readConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    return EXIT.config;
  }
  if (argv.includes('--print-config')) {
    console.log(printableConfig(shape, { ...config.own, ...config.all }));
    return EXIT.ok;
  }
  const logger = createLogger('provision', 'info');
  const deadline = performance.now() + config.own.DATABASE_PATIENCE_SECONDS * 1_000;
  for (const step of [database(config, logger), ...kafka(config.own, logger)]) {
    const code = await patiently(step, deadline, logger);
    if (code !== EXIT.ok) return code;
  }
  return EXIT.ok;
}

type Config = ReturnType<typeof readConfig>;

interface Step {
  readonly target: string;
  readonly code: string;
  readonly setting: string;
  readonly isOutage: (error: unknown) => boolean;
  readonly run: () => Promise<void>;
}

const database = ({ own, passwords }: Config, logger: Logger): Step => ({
  target: 'the database',
  code: 'database_unavailable',
  setting: 'ADMIN_DATABASE_URL',
  isOutage: isDatabaseOutage,
  async run() {
    await provision(own.ADMIN_DATABASE_URL, passwords);
    logger.info({ roles: NAMES.map((name) => SERVICES[name].role) }, 'the database is provisioned');
  },
});

/** Nothing to do without brokers: Postgres carries the events then. */
const kafka = (own: Config['own'], logger: Logger): Step[] =>
  own.KAFKA_BROKERS.length === 0
    ? []
    : [
        {
          target: 'Kafka',
          code: 'kafka_unavailable',
          setting: 'KAFKA_BROKERS',
          isOutage: isKafkaOutage,
          async run() {
            const users = [...serviceUsers, ...own.KAFKA_SUBSCRIBERS];
            if (await provisionKafka(kafkaAccess(own), users, own, logger))
              logger.info(
                { users: users.map(({ name }) => name) },
                'the topics and the access to them are provisioned',
              );
            else
              logger.warn(
                { code: 'kafka_without_authorizer' },
                'the brokers have no authorizer, so every client may publish every event; set authorizer.class.name and start this job again',
              );
          },
        },
      ];

function readConfig(env: NodeJS.ProcessEnv | undefined) {
  const all = loadConfig('provision', shape, env);
  const own = loadConfig('provision', ownSettings, env);
  const passwords = Object.fromEntries(NAMES.map((name) => [name, String(all[passwordVariable(name)])])) as Record<
    ServiceName,
    string
  >;
  return { all, own, passwords };
}

async function patiently(
  { target, code, setting, isOutage, run }: Step,
  deadline: number,
  logger: Logger,
): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    try {
      await run();
      return EXIT.ok;
    } catch (error) {
      if (!isOutage(error)) throw error;
      if (performance.now() >= deadline) {
        logger.fatal(
          { err: error, code },
          `${target} did not answer, so it was not provisioned; check ${setting} and start the job again`,
        );
        return EXIT.unavailable;
      }
      logger.warn({ attempt, reason: (error as Error).message, code }, `waiting for ${target}`);
      await sleep(Math.min(250 * attempt, 2_000));
    }
  }
}
