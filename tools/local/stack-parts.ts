/** The parts of a stack below its services: ports, edge, database, Kafka, and the keys of auth-service. */
import { FileSigner } from '../../apps/auth-service/src/assertion/file-signer.js';
import { provision, SERVICES, type ServiceName } from '../../apps/provision/src/provision.js';
import type { Closing } from './closing.js';
import { startEdge, type Edge } from './edge.js';
import { EXAMPLE, EXAMPLE_ROLE, exampleRoutes, prepareExample } from './example.js';
import type { Secrets, StackFolder } from './folder.js';
import { startKafka } from './kafka.js';
import { freePort } from './ports.js';
import { LocalProblem } from './problem.js';
import { edgeRoutes, PRODUCT } from './services.js';
import { SANDBOX, type Signing } from './setup.js';
import { StackDatabase } from './stack-database.js';

export interface PartOptions {
  readonly folder: StackFolder;
  readonly env: NodeJS.ProcessEnv;
  readonly example: boolean;
  readonly closing: Closing;
  readonly say: (text: string) => void;
}

/** Returns a free port for each process. A port of the last start is used again if it is still free. */
export async function choosePorts({ folder }: PartOptions): Promise<Record<string, number>> {
  const before = folder.read('ports.json') ?? {};
  const ports: Record<string, number> = {};
  for (const name of [SANDBOX, 'cognito', 'secretsManager', 'okta', ...Object.keys(PRODUCT), EXAMPLE]) {
    do ports[name] = await freePort(Object.values(ports).includes(before[name] ?? 0) ? undefined : before[name]);
    while (Object.entries(ports).some(([other, port]) => other !== name && port === ports[name]));
  }
  return ports;
}

/** Opens the edge, whose port the services need in their environment. It answers 502 until they are ready. */
export async function openEdge(
  { example, closing, say }: PartOptions,
  ports: Record<string, number>,
  wanted: number,
): Promise<Edge> {
  const edge = await startEdge([...edgeRoutes(ports), ...(example ? exampleRoutes(ports) : [])], wanted);
  closing.add(() => edge.stop());
  if (wanted !== 0 && edge.port !== wanted)
    say(`Port ${wanted} is taken, so the stack uses port ${edge.port} (PORT=... chooses another port)`);
  return edge;
}

export async function openDatabase(
  { folder, env, closing, say }: PartOptions,
  { superuser }: Secrets,
): Promise<StackDatabase> {
  if (env.DATABASE_URL) return StackDatabase.given(env.DATABASE_URL);
  const database = await StackDatabase.start({
    folder: folder.file('postgres'),
    password: superuser,
    port: folder.read('ports.json')?.postgres,
    log: say,
  });
  closing.add(() => database.stop());
  return database;
}

/** Returns the brokers for KAFKA_BROKERS, or undefined if Postgres carries the events. */
export async function openKafka(
  { folder, env, closing, say }: PartOptions,
  carrier: 'postgres' | 'kafka',
): Promise<string | undefined> {
  if (carrier !== 'kafka') return undefined;
  if (env.KAFKA_BROKERS) return env.KAFKA_BROKERS;
  const broker = await startKafka({ folder: folder.file('kafka'), log: say });
  closing.add(() => broker.stop());
  return broker.brokers;
}

export async function signingKeys({ folder }: PartOptions, { sessionKey }: Secrets): Promise<Signing> {
  const assertionKeyFile = folder.assertionKeyFile();
  const signer = await FileSigner.load([assertionKeyFile]);
  return { assertionKeyFile, assertionJwks: JSON.stringify({ keys: signer.jwks() }), sessionKey };
}

/** Prepares the database: creates roles and schemas. */
export async function prepareDatabase(
  { env, example }: PartOptions,
  adminUrl: string,
  { passwords }: Secrets,
): Promise<void> {
  try {
    const sandbox = { role: 'sandbox', schema: 'sandbox', password: passwords[SANDBOX] ?? '' };
    await provision(adminUrl, passwords as Record<ServiceName, string>, [sandbox]);
    if (example) await prepareExample(adminUrl, passwords[EXAMPLE] ?? '');
  } catch (error) {
    const hint = env.DATABASE_URL ? ' DATABASE_URL must name a role that may create roles and schemas.' : '';
    throw new LocalProblem(`Cannot prepare the database: ${(error as Error).message}.${hint}`);
  }
}

/** All processes that have a database role and therefore a password. */
export const DATABASE_USERS: readonly string[] = [...Object.keys(SERVICES), SANDBOX, EXAMPLE];

const OTHER_ROLES: Readonly<Record<string, string>> = { [SANDBOX]: 'sandbox', [EXAMPLE]: EXAMPLE_ROLE };

/** Returns the database URL of one process, with its own role. */
export function roleUrl(adminUrl: string, service: string, { passwords }: Secrets): string {
  const url = new URL(adminUrl);
  url.username = OTHER_ROLES[service] ?? SERVICES[service as ServiceName].role;
  url.password = passwords[service] ?? '';
  return url.href;
}
