/**
 * The whole product on this machine: Postgres, Kafka on request, the sandbox, every service as a process of its own,
 * the edge before them. `start.ts` runs it for a person, tests run it in their own process.
 */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { FileSigner } from '../../apps/auth-service/src/assertion/file-signer.js';
import { provision, SERVICES, type ServiceName } from '../../apps/provision/src/provision.js';
import { defaultTenant } from './default-tenant.js';
import { startEdge, type Edge } from './edge.js';
import { EXAMPLE, EXAMPLE_ENTRY, EXAMPLE_ROLE, exampleEnv, exampleRoutes, prepareExample } from './example.js';
import { StackFolder, type Secrets, type StackDescription } from './folder.js';
import { exampleExchange } from './exchange.js';
import { startKafka, type LocalKafka } from './kafka.js';
import { connectOkta } from './okta-connection.js';
import { freePort } from './ports.js';
import { LocalProblem } from './problem.js';
import { allOrFirstFailure } from './process.js';
import { checkEnvironment, type StackChoice } from './check-environment.js';
import { ServiceProcess } from './service-process.js';
import { edgeRoutes, NEEDS_USER_POOL, PRODUCT, sandboxEnv } from './services.js';
import {
  cognitoEndpoint,
  cognitoKeys,
  SANDBOX,
  secretsEndpoint,
  type Signing,
  type StackSetup,
  type UserPool,
} from './setup.js';
import { StackDatabase } from './stack-database.js';
import { isSamePool, userPool } from './user-pool.js';

export interface StackOptions {
  /** Where everything is kept: STACK_DIR. */
  readonly folder: string;
  /** PORT, EVENT_CARRIER, DATABASE_URL, ... as for `npm start`. */
  readonly env: NodeJS.ProcessEnv;
  readonly blank?: boolean;
  /** Also the example service, for signed-in people to land on; false if left out. */
  readonly example?: boolean;
  /** More environment for single services. */
  readonly serviceEnv?: Readonly<Record<string, NodeJS.ProcessEnv>>;
  /** Whether a service that dies is started again; true if left out. */
  readonly restart?: boolean;
  /** What happens; a line each. */
  readonly progress?: (text: string) => void;
  /** What the processes print. */
  readonly log?: (service: string, line: string) => void;
}

const REGION = 'us-east-1';

export class Stack {
  readonly services: Record<string, ServiceProcess> = {};
  private readonly folder: StackFolder;
  private readonly closing: (() => Promise<unknown>)[] = [];
  private stopping: Promise<void> | undefined;
  private described: StackDescription | undefined;
  private database: StackDatabase | undefined;

  private constructor(private readonly options: StackOptions) {
    this.folder = new StackFolder(path.resolve(options.folder));
  }

  /** Resolves when all is healthy. When something fails, the rest is stopped and the reason is thrown. */
  static async start(options: StackOptions, onCreated: (stack: Stack) => void = () => undefined): Promise<Stack> {
    const wish = checkEnvironment(options.env);
    const stack = new Stack(options);
    onCreated(stack);
    try {
      await stack.bringUp(wish);
      return stack;
    } catch (error) {
      await stack.stop();
      await stack.closeAll(); // what came up while it was being stopped
      throw error;
    }
  }

  /** What `stack.json` says. */
  get description(): StackDescription {
    if (!this.described) throw new Error('the stack is not up');
    return this.described;
  }

  service(name: string): ServiceProcess {
    const service = this.services[name];
    if (!service) throw new Error(`there is no service "${name}"; there are ${Object.keys(this.services).join(', ')}`);
    return service;
  }

  /** Ends everything in reverse order. A second call waits for the first. */
  stop(): Promise<void> {
    this.stopping ??= this.closeAll();
    return this.stopping;
  }

  private async closeAll(): Promise<void> {
    this.folder.forget();
    for (let step = this.closing.pop(); step; step = this.closing.pop()) {
      await step().catch((error: unknown) => this.say(String(error)));
    }
  }

  private async bringUp(wish: { carrier: 'postgres' | 'kafka'; port: number }): Promise<void> {
    const secrets = this.folder.secrets([...Object.keys(SERVICES), SANDBOX, EXAMPLE]);
    const ports = await this.choosePorts();
    const edge = await this.openEdge(ports, wish.port);
    const [database, brokers] = await Promise.all([this.openDatabase(secrets), this.kafka(wish.carrier)]);
    this.database = database;
    const admin = database.url;
    await this.prepare(admin, secrets);
    const setup: StackSetup = {
      base: this.options.env,
      edge: edge.origin,
      databaseUrl: (service) => roleUrl(admin, service, secrets),
      internalToken: this.options.env.INTERNAL_API_TOKEN || secrets.internalToken,
      carrier: wish.carrier,
      brokers,
      region: this.options.env.AWS_REGION || REGION,
      ports,
      signing: await this.signing(secrets),
    };
    const pool = await this.startServices(setup);
    const tenant = await defaultTenant(setup, this.folder, secrets, this.options.blank ?? false);
    if (!this.options.blank) await connectOkta(setup, this.folder, secrets, tenant);
    this.stopIfAsked();
    const exchange = this.options.blank ? null : await exampleExchange(setup, this.folder, secrets, tenant);
    this.described = describe(setup, pool, admin, tenant, exchange);
    this.publish();
  }

  // ---- parts ------------------------------------------------------------------------------------------------------

  private async choosePorts(): Promise<Record<string, number>> {
    const before = this.folder.ports();
    const ports: Record<string, number> = {};
    for (const name of [SANDBOX, 'cognito', 'secretsManager', 'okta', ...Object.keys(PRODUCT), EXAMPLE]) {
      do ports[name] = await freePort(Object.values(ports).includes(before[name] ?? 0) ? undefined : before[name]);
      while (Object.entries(ports).some(([other, port]) => other !== name && port === ports[name]));
    }
    return ports;
  }

  /** First of all, because its port becomes part of what the services are told. Until they answer it says 502. */
  private async openEdge(ports: Record<string, number>, wanted: number): Promise<Edge> {
    const edge = await startEdge([...edgeRoutes(ports), ...(this.options.example ? exampleRoutes(ports) : [])], wanted);
    this.closing.push(() => edge.stop());
    if (wanted !== 0 && edge.port !== wanted)
      this.say(`Port ${wanted} is taken; the stack is at port ${edge.port} instead (PORT=... chooses another)`);
    return edge;
  }

  private async openDatabase(secrets: Secrets): Promise<StackDatabase> {
    const { DATABASE_URL } = this.options.env;
    if (DATABASE_URL) return StackDatabase.given(DATABASE_URL);
    const database = await StackDatabase.start({
      folder: this.folder.file('postgres'),
      password: secrets.superuser,
      port: this.folder.ports().postgres,
      log: (text) => this.say(text),
    });
    this.closing.push(() => database.stop());
    return database;
  }

  private async kafka(carrier: 'postgres' | 'kafka'): Promise<string | undefined> {
    if (carrier !== 'kafka') return undefined;
    if (this.options.env.KAFKA_BROKERS) return this.options.env.KAFKA_BROKERS;
    const broker: LocalKafka = await startKafka({ folder: this.folder.file('kafka'), log: (text) => this.say(text) });
    this.closing.push(() => broker.stop());
    this.say(`Kafka on ${broker.brokers}`);
    return broker.brokers;
  }

  private async signing({ sessionKey }: Secrets): Promise<Signing> {
    const assertionKeyFile = this.folder.assertionKeyFile();
    const signer = await FileSigner.load([assertionKeyFile]);
    return { assertionKeyFile, assertionJwks: JSON.stringify({ keys: signer.jwks() }), sessionKey };
  }

  private async prepare(admin: string, secrets: Secrets): Promise<void> {
    try {
      const sandbox = { role: 'sandbox', schema: 'sandbox', password: secrets.passwords[SANDBOX] ?? '' };
      await provision(admin, secrets.passwords as Record<ServiceName, string>, [sandbox]);
      if (this.options.example) await prepareExample(admin, secrets.passwords[EXAMPLE] ?? '');
    } catch (error) {
      const named = this.options.env.DATABASE_URL
        ? ' DATABASE_URL must name a role that may create roles and schemas.'
        : '';
      throw new LocalProblem(`Cannot prepare the database: ${(error as Error).message}.${named}`);
    }
  }

  /**
   * All at the same time. The user pool is the same at every start but the first, so who needs it begins with the one
   * of the last start; should the sandbox have another one (its database was exchanged), begins again with that.
   */
  private async startServices(s: StackSetup): Promise<UserPool> {
    this.folder.rememberPorts({ ...s.ports, ...(this.database?.port && { postgres: this.database.port }) });
    const product = (name: string, pool: UserPool | null): Promise<void> =>
      name === EXAMPLE
        ? this.startService(name, EXAMPLE_ENTRY, exampleEnv(s, pool), s)
        : this.startService(name, `dist/apps/${name}/src/main.js`, PRODUCT[name]?.(s, pool) ?? {}, s);
    const needPool = [...NEEDS_USER_POOL, ...(this.options.example ? [EXAMPLE] : [])];
    const others = Object.keys(PRODUCT).filter((name) => !needPool.includes(name));
    const supposed = this.folder.userPool();
    const early = supposed === undefined ? [] : needPool.map((name) => product(name, supposed));
    const sandbox = this.startService(SANDBOX, 'dist/apps/sandbox/src/main.js', sandboxEnv(s), s);
    const withPool = async (): Promise<UserPool> => {
      await sandbox;
      const pool = await userPool(s);
      if (isSamePool(pool, supposed)) await Promise.all(early);
      else {
        for (const name of needPool) await this.services[name]?.stop();
        await Promise.all(needPool.map((name) => product(name, pool)));
        this.folder.rememberUserPool(pool);
      }
      return pool;
    };
    for (const promise of early) promise.catch(() => undefined); // awaited above, or stopped on purpose
    const [pool] = await allOrFirstFailure([withPool(), ...others.map((name) => product(name, null))] as const);
    return pool;
  }

  private async startService(name: string, entry: string, env: NodeJS.ProcessEnv, s: StackSetup): Promise<void> {
    this.stopIfAsked();
    const url = `http://localhost:${s.ports[name]}`;
    const spec = { name, entry, url, env: { ...env, ...this.options.serviceEnv?.[name] } };
    const service = new ServiceProcess(
      spec,
      { log: (line) => this.options.log?.(name, line), changed: () => this.publish() },
      this.options.restart ?? true,
    );
    this.services[name] = service;
    this.closing.push(() => service.stop());
    await service.start();
    this.say(`${name} is ready at ${url}`);
  }

  private publish(): void {
    if (!this.described || this.stopping) return;
    const services = Object.fromEntries(
      Object.entries(this.services).map(([name, service]) => [
        name,
        { pid: service.pid, url: service.spec.url, health: '/health/ready', metrics: '/metrics' },
      ]),
    );
    const ready = Object.values(this.services).every((service) => service.running);
    this.described = { ...this.described, ready, services };
    this.folder.describe(this.described);
  }

  private stopIfAsked(): void {
    if (this.stopping) throw new LocalProblem('The start was interrupted.');
  }

  private say(text: string): void {
    this.options.progress?.(text);
  }
}

const OUTSIDE: Readonly<Record<string, string>> = { [SANDBOX]: 'sandbox', [EXAMPLE]: EXAMPLE_ROLE };

function roleUrl(admin: string, service: string, secrets: Secrets): string {
  const url = new URL(admin);
  url.username = OUTSIDE[service] ?? SERVICES[service as ServiceName].role;
  url.password = secrets.passwords[service] ?? '';
  return url.href;
}

function describe(
  s: StackSetup,
  pool: UserPool,
  admin: string,
  tenant: StackDescription['tenants'][number],
  exchange: StackDescription['exchange'],
): StackDescription {
  return {
    ready: false,
    pid: process.pid,
    edge: s.edge,
    carrier: s.carrier,
    tenants: [tenant],
    exchange,
    sandbox: {
      okta: `http://localhost:${s.ports.okta}`,
      cognito: cognitoEndpoint(s),
      secretsManager: secretsEndpoint(s),
    },
    cognito: {
      region: pool.region,
      userPoolId: pool.userPoolId,
      clientId: pool.clientId,
      jwksUri: cognitoKeys(s, pool),
    },
    postgres: admin,
    kafka: s.brokers ?? null,
    services: {},
  };
}

/** A name for a database or folder of one test. */
export const uniqueName = (prefix: string): string => `${prefix}_${randomBytes(6).toString('hex')}`;
