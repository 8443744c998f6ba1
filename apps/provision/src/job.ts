import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT } from '#command-line';
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
import { provision, SERVICES, type ServiceName } from './provision.js';

/**
 * Runs the job and returns the exit code. Waits for a database that is starting. All faults of the configuration are
 * printed together, before anything is changed.
 */
export async function runProvision(argv: readonly string[], env?: NodeJS.ProcessEnv): Promise<number> {
  if (argv.includes('--help')) {
    console.log(
      `provision: prepares one Postgres database (roles, schemas, the shared event log) and ends.\n\nOptions: --help  --print-config\n\nEnvironment:\n${describeConfig(shape)}`,
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
  return provisionPatiently(
    config.own.ADMIN_DATABASE_URL,
    config.passwords,
    config.own.DATABASE_PATIENCE_SECONDS * 1_000,
    logger,
  );
}

function readConfig(env: NodeJS.ProcessEnv | undefined) {
  const all = loadConfig('provision', shape, env);
  const own = loadConfig('provision', ownSettings, env);
  const passwords = Object.fromEntries(NAMES.map((name) => [name, String(all[passwordVariable(name)])])) as Record<
    ServiceName,
    string
  >;
  return { all, own, passwords };
}

async function provisionPatiently(
  adminUrl: string,
  passwords: Readonly<Record<ServiceName, string>>,
  patienceMs: number,
  logger: Logger,
): Promise<number> {
  const deadline = performance.now() + patienceMs;
  for (let attempt = 1; ; attempt++) {
    try {
      await provision(adminUrl, passwords);
      logger.info({ roles: NAMES.map((name) => SERVICES[name].role) }, 'the database is provisioned');
      return EXIT.ok;
    } catch (error) {
      if (!isDatabaseOutage(error)) throw error;
      if (performance.now() >= deadline) {
        logger.fatal(
          { err: error, code: 'database_unavailable' },
          'the database did not answer, so nothing was provisioned; check ADMIN_DATABASE_URL and start the job again',
        );
        return EXIT.unavailable;
      }
      logger.warn(
        { attempt, reason: (error as Error).message, code: 'database_unavailable' },
        'waiting for the database',
      );
      await sleep(Math.min(250 * attempt, 2_000));
    }
  }
}
