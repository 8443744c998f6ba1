/** What the hub needs to know, from the environment in production, from `.local/` beside a running local stack. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { busSettings } from '#event-bus';
import {
  choice,
  integer,
  loadConfig,
  optionalUrl,
  postgresUrl,
  text,
  type ConfigOf,
  type ConfigShape,
} from '#platform';
import { secretSettings } from '#secrets';

/** The role that provisioning creates for this service. */
const DATABASE_ROLE = 'integration_hub';
const SERVICE = 'integration-hub';

export const hubSettings = {
  DATABASE_URL: postgresUrl({
    purpose: 'Postgres, with the role of the integration hub (with a local stack running, leave it out).',
    example: 'postgres://integration_hub:secret@postgres:5432/stackflow',
  }),
  PUBLIC_URL: optionalUrl({
    purpose: 'Origin under which tenants without a host name of their own are reached; only printed.',
    example: 'https://your-instance.stackflow-tech.com',
  }),
  PUBLISH_TIMEOUT_MS: integer({
    purpose: 'How long a command waits until its events are published before it says that they are only stored.',
    example: '10000',
    default: 10_000,
    min: 100,
    max: 600_000,
  }),
  LOG_LEVEL: choice(['trace', 'debug', 'info', 'warn', 'error', 'silent'], {
    purpose: 'Lowest level that is logged, to standard error.',
    example: 'warn',
    default: 'silent',
  }),
  ...busSettings,
  ...secretSettings,
} satisfies ConfigShape;
export type HubConfig = ConfigOf<typeof hubSettings>;

const whereSettings = {
  STACK_DIR: text({ purpose: 'Folder of the running local stack.', example: '.local', default: '.local' }),
  DATABASE_URL: { ...hubSettings.DATABASE_URL, schema: z.string().optional() },
} satisfies ConfigShape;

/** Variables of the process, or others in tests. */
export type Environment = NodeJS.ProcessEnv;

/** DATABASE_URL in the environment wins; else a local stack tells everything; else the error names what is missing. */
export function hubConfig(env?: Environment): HubConfig {
  const where = loadConfig(SERVICE, whereSettings, env);
  const local = where.DATABASE_URL === undefined ? localEnvironment(path.resolve(where.STACK_DIR)) : undefined;
  return loadConfig(SERVICE, hubSettings, local ?? env);
}

const stackFile = z.object({
  edge: z.string(),
  carrier: z.string(),
  postgres: z.string(),
  kafka: z.union([z.string(), z.array(z.string())]).nullish(),
  sandbox: z.object({ secretsManager: z.string().nullish() }).nullish(),
  cognito: z.object({ region: z.string() }).nullish(),
});
const secretsFile = z.object({ passwords: z.record(z.string(), z.string()) });

/** The environment that the local launcher would give to the hub; undefined = no stack was started here. */
export function localEnvironment(folder: string): Environment | undefined {
  const stack = readJson(path.join(folder, 'stack.json'), stackFile);
  const secrets = readJson(path.join(folder, 'secrets.json'), secretsFile);
  if (!stack || !secrets) return undefined;
  const database = new URL(stack.postgres);
  database.username = DATABASE_ROLE;
  database.password = secrets.passwords[SERVICE] ?? '';
  return {
    DATABASE_URL: database.href,
    PUBLIC_URL: stack.edge,
    EVENT_CARRIER: stack.carrier,
    KAFKA_BROKERS: [stack.kafka ?? []].flat().join(','),
    SECRETS_MANAGER_ENDPOINT: stack.sandbox?.secretsManager ?? undefined,
    AWS_REGION: stack.cognito?.region,
  };
}

function readJson<T>(file: string, schema: z.ZodType<T>): T | undefined {
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return schema.parse(JSON.parse(content));
}
