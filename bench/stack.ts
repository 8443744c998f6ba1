/**
 * The stack of a run: an embedded Postgres with its default settings (fsync on), the gateway and the sandbox. The
 * pipeline also needs identity-service. Everything is created for a run and deleted afterwards.
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { Client } from 'pg';
import { provision, SERVICES, type ServiceName } from '../apps/provision/src/provision.js';
import { SCOPES } from '#contracts';
import { HubClient, InternalClient } from '#contracts/clients';
import { acceptedCaller } from '#platform';
import { followerGrantsSql } from '#event-bus';
import { ROOT } from '../tools/local/folder.js';
import { startKafka, type LocalKafka } from '../tools/local/kafka.js';
import { freePort } from '../tools/local/ports.js';
import { startPostgres, type LocalPostgres } from '../tools/local/postgres.js';
import { until } from '../test/support/waiting.js';
import type { Target } from './connection.js';
import type { FollowJob } from './token-watch.js';
import { familyCpuSeconds, Program } from './program.js';
import { ownQuotas, sandboxQuotas } from '../test/support/quotas.js';

/** This quota is so high that the result does not depend on it. */
const UNLIMITED = 100_000;

/** Number of Postgres connections of every contestant: the default of a service. */
export const POOL_SIZE = 10;
const READY_LIMIT_MS = 60_000;
const REGION = 'us-east-1';
/** Slug of the tenant, if a measurement needs only one. */
export const TENANT = 'bench';

const compiled = (entry: string): string => path.join(ROOT, 'dist', entry);

export interface StackOptions {
  readonly folder: string;
  /** Folder into which each service writes its CPU profile when it ends. */
  readonly profiles?: string;
  /** Use Cognito's default quotas in the stand-in and in the services, instead of raised quotas. */
  readonly defaultQuotas?: boolean;
  /** The category in which Cognito counts sign-outs, set for the stand-in and the services. */
  readonly signOutCategory?: 'UserToken';
  /** Kafka carries the events instead of Postgres. */
  readonly kafka?: boolean;
}

export interface Service {
  readonly program: Program;
  readonly url: string;
}

export class Stack {
  private readonly programs: Program[] = [];
  private readonly passwords = Object.fromEntries(
    (Object.keys(SERVICES) as ServiceName[]).map((name) => [name, secret()]),
  ) as Record<ServiceName, string>;
  private readonly sandboxPassword = secret();
  private readonly callerSecret = secret();
  /** The credential of the bench for every internal API. */
  readonly credential = `bench.${this.callerSecret}`;
  private watchUrl = '';
  private gatewayUrl = '';
  private aws: { cognito: string; secretsManager: string; userPoolId: string } | undefined;

  private constructor(
    private readonly postgres: LocalPostgres,
    private readonly kafka: LocalKafka | undefined,
    readonly options: StackOptions,
  ) {}

  static async start(options: StackOptions): Promise<Stack> {
    fs.rmSync(options.folder, { recursive: true, force: true });
    fs.mkdirSync(path.join(options.folder, 'logs'), { recursive: true });
    const postgres = await startPostgres({ folder: path.join(options.folder, 'postgres'), password: secret() });
    const kafka = options.kafka ? await startKafka({ folder: path.join(options.folder, 'kafka') }) : undefined;
    const stack = new Stack(postgres, kafka, options);
    try {
      await stack.addDatabase('stackflow');
    } catch (error) {
      await stack.stop();
      throw error;
    }
    return stack;
  }

  /** Creates and provisions a database. The gateway creates its own tables by migrations. */
  async addDatabase(name: string): Promise<void> {
    await this.sql('postgres', `create database ${name}`);
    await provision(this.databaseUrl(name), this.passwords, [
      { role: 'sandbox', schema: 'sandbox', password: this.sandboxPassword },
    ]);
  }

  /** Returns the CPU time that all Postgres processes have used, in seconds. */
  postgresCpuSeconds(): number {
    return familyCpuSeconds(this.postgres.pid);
  }

  /** Returns the superuser URL of a database. */
  databaseUrl(database: string): string {
    const url = new URL(this.postgres.url);
    url.pathname = `/${database}`;
    return url.href;
  }

  async sql<T = Record<string, unknown>>(database: string, text: string, values: unknown[] = []): Promise<T[]> {
    const client = new Client({ connectionString: this.databaseUrl(database) });
    await client.connect();
    try {
      return (await client.query(text, values)).rows as T[];
    } finally {
      await client.end();
    }
  }

  run(options: Omit<ConstructorParameters<typeof Program>[0], 'logs'>): Program {
    const program = new Program({ ...options, logs: path.join(this.options.folder, 'logs') });
    this.programs.push(program);
    return program;
  }

  /** Starts the stand-ins for Cognito and Secrets Manager. The gateway needs the latter, so both always run. */
  async startSandbox(env: NodeJS.ProcessEnv = {}): Promise<Service> {
    const [cognitoPort, secretsManagerPort] = [await freePort(), await freePort()];
    const service = await this.startService('sandbox', 'apps/sandbox/src/main.js', {
      DATABASE_URL: this.roleUrl('stackflow', 'sandbox', this.sandboxPassword),
      COGNITO_PORT: String(cognitoPort),
      SECRETS_MANAGER_PORT: String(secretsManagerPort),
      ...(!this.options.defaultQuotas && { SANDBOX_COGNITO_QUOTAS: JSON.stringify(sandboxQuotas(UNLIMITED)) }),
      ...(this.options.signOutCategory && { SANDBOX_SIGN_OUT_CATEGORY: this.options.signOutCategory }),
      ...env,
    });
    const cognito = `http://127.0.0.1:${cognitoPort}`;
    const pool = (await (await fetch(`${cognito}/sandbox/pool`)).json()) as { userPoolId: string };
    this.aws = { cognito, secretsManager: `http://127.0.0.1:${secretsManagerPort}`, userPoolId: pool.userPoolId };
    return service;
  }

  /** Address of the stand-in for Cognito. */
  get cognito(): string {
    return this.sandbox.cognito;
  }

  /** Creates the tenant without a brake, because a bench offboards everybody on purpose. */
  async createTenant(slug = TENANT): Promise<{ id: string; token: string }> {
    const settings = { scimEnabled: true, brake: null };
    const { tenant, scimToken } = await this.withHub((hub) => hub.create({ slug, by: 'bench', settings }));
    return { id: tenant.id, token: scimToken?.secret ?? '' };
  }

  /** Runs the hub for one change only, so that it takes no part in a measurement. */
  async withHub<T>(change: (hub: HubClient) => Promise<T>): Promise<T> {
    const { program, url } = await this.startService('integration-hub', 'apps/integration-hub/src/main.js', {
      ...this.awsEnvironment(),
      DATABASE_URL: this.serviceUrl('stackflow', 'integration-hub'),
    });
    try {
      const api = new InternalClient({ service: 'integration-hub', url, token: this.credential });
      return await change(new HubClient(api));
    } finally {
      await program.stop();
    }
  }

  async startGateway(): Promise<Service> {
    const gateway = await this.startService('scim-gateway', 'apps/scim-gateway/src/main.js', {
      ...this.awsEnvironment(),
      DATABASE_URL: this.serviceUrl('stackflow', 'scim-gateway'),
      SCIM_RATE_LIMIT_PER_SECOND: '1000000',
      SCIM_RATE_LIMIT_BURST: '1000000',
      SCIM_OPEN_REQUESTS_PER_TENANT: '1000000',
      SCIM_BODY_MIB_PER_MINUTE: '1000000',
      SCIM_MEMBERSHIP_CHANGES_PER_MINUTE: '1000000000',
    });
    this.gatewayUrl = gateway.url;
    return gateway;
  }

  /** Start the gateway first, because identity-service reads the members of groups from it. */
  async startIdentity(): Promise<Service> {
    return this.startService('identity-service', 'apps/identity-service/src/main.js', {
      ...this.awsEnvironment(),
      DATABASE_URL: this.serviceUrl('stackflow', 'identity-service'),
      SCIM_GATEWAY_URL: this.gatewayUrl,
      INTERNAL_API_CREDENTIAL: this.credential,
      ...this.cognitoEnvironment(),
    });
  }

  async startWorker(): Promise<Service> {
    return this.startService('deactivation-worker', 'apps/deactivation-worker/src/main.js', {
      ...this.awsEnvironment(),
      DATABASE_URL: this.serviceUrl('stackflow', 'deactivation-worker'),
      DATABASE_POOL_SIZE: '24',
      ...this.cognitoEnvironment(),
    });
  }

  /** Starts a guard in another process, with a role that may only read the log. */
  async startTokenWatch(): Promise<Program> {
    const password = secret();
    await this.sql('stackflow', `create role bench_token_watch login password '${password}'`);
    for (const statement of followerGrantsSql('bench_token_watch')) await this.sql('stackflow', statement);
    this.watchUrl = this.roleUrl('stackflow', 'bench_token_watch', password);
    return this.run({ name: 'token-watch', entry: compiled('bench/token-watch.js') });
  }

  get followJob(): FollowJob {
    return {
      kind: 'follow',
      carrier: this.kafka ? 'kafka' : 'postgres',
      databaseUrl: this.watchUrl,
      ...(this.kafka && { brokers: this.kafka.brokers }),
    };
  }

  /** Creates the gateway's tables in another database, for measurements without HTTP. */
  async migrateGateway(database: string): Promise<string> {
    const url = this.serviceUrl(database, 'scim-gateway');
    const program = this.run({
      name: `migrate-${database}`,
      entry: compiled('apps/scim-gateway/src/main.js'),
      args: ['--migrate'],
      env: { ...this.awsEnvironment(), DATABASE_URL: url },
    });
    await program.finished();
    return url;
  }

  /** Waits until the gateway has published all its events, so that one contestant's backlog does not slow the next. */
  async published(): Promise<void> {
    await until('the gateway has published all events', async () => (await this.outboxLength()) === 0, 60_000, 100);
  }

  async outboxLength(): Promise<number> {
    const [row] = await this.sql<{ n: number }>('stackflow', 'select count(*)::int as n from directory.outbox');
    return row?.n ?? 0;
  }

  async stop(): Promise<void> {
    for (const program of this.programs.toReversed()) await program.stop();
    await this.kafka?.stop();
    await this.postgres.stop();
    fs.rmSync(path.join(this.options.folder, 'postgres'), { recursive: true, force: true });
  }

  async startService(name: string, entry: string, env: NodeJS.ProcessEnv): Promise<Service> {
    const port = await freePort();
    const { profiles } = this.options;
    const program = this.run({
      name,
      entry: compiled(entry),
      env: {
        HOST: '127.0.0.1',
        PORT: String(port),
        INTERNAL_API_CALLERS: acceptedCaller('bench', SCOPES, this.callerSecret),
        INTERNAL_API_CREDENTIAL: this.credential,
        DATABASE_POOL_SIZE: String(POOL_SIZE),
        ...env,
      },
      ...(profiles && { execArgv: ['--cpu-prof', `--cpu-prof-dir=${profiles}`, `--cpu-prof-name=${name}.cpuprofile`] }),
    });
    const url = `http://127.0.0.1:${port}`;
    const isReady = async (): Promise<boolean> =>
      !program.running ||
      (await fetch(`${url}/health/ready`).then(
        (r) => r.ok,
        () => false,
      ));
    await until(`${name} is ready`, isReady, READY_LIMIT_MS, 100);
    if (!program.running) throw new Error(program.explain('did not get ready'));
    return { program, url };
  }

  private get sandbox() {
    if (!this.aws) throw new Error('the sandbox is not started');
    return this.aws;
  }

  awsEnvironment(): NodeJS.ProcessEnv {
    return {
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: 'sandbox',
      AWS_SECRET_ACCESS_KEY: 'sandbox',
      SECRETS_MANAGER_ENDPOINT: this.sandbox.secretsManager,
      EVENT_CARRIER: this.kafka ? 'kafka' : 'postgres',
      ...(this.kafka && { KAFKA_BROKERS: this.kafka.brokers, KAFKA_REPLICATION_FACTOR: '1' }),
    };
  }

  cognitoEnvironment(): NodeJS.ProcessEnv {
    return {
      COGNITO_ENDPOINT: this.sandbox.cognito,
      COGNITO_USER_POOL_ID: this.sandbox.userPoolId,
      ...(!this.options.defaultQuotas && { COGNITO_QUOTAS: JSON.stringify(ownQuotas(UNLIMITED)) }),
      ...(this.options.signOutCategory && { COGNITO_SIGN_OUT_CATEGORY: this.options.signOutCategory }),
    };
  }

  serviceUrl(database: string, service: ServiceName): string {
    return this.roleUrl(database, SERVICES[service].role, this.passwords[service]);
  }

  private roleUrl(database: string, role: string, password: string): string {
    const url = new URL(this.databaseUrl(database));
    url.username = role;
    url.password = password;
    return url.href;
  }
}

const secret = (): string => randomBytes(24).toString('hex');

export const scimTarget = (gateway: Service, token: string): Target => ({ url: `${gateway.url}/scim/v2`, token });
