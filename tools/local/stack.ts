/**
 * Runs the whole product on this machine: Postgres, the sandbox, each service as its own process, the edge, and Kafka
 * if requested. `start.ts` runs the stack for a person; tests run it in their own process.
 */
import path from 'node:path';
import { checkEnvironment, type StackChoice } from './check-environment.js';
import { Closing } from './closing.js';
import { defaultTenant } from './default-tenant.js';
import { exampleExchange } from './exchange.js';
import { StackFolder, type Secrets, type StackDescription } from './folder.js';
import { connectOkta } from './okta-connection.js';
import { LocalProblem } from './problem.js';
import type { ServiceProcess } from './service-process.js';
import { CALLER_NAMES } from './services.js';
import { cognitoEndpoint, cognitoKeys, secretsEndpoint, type StackSetup, type UserPool } from './setup.js';
import {
  choosePorts,
  DATABASE_USERS,
  openDatabase,
  openEdge,
  openKafka,
  prepareDatabase,
  roleUrl,
  signingKeys,
} from './stack-parts.js';
import { StackServices } from './stack-services.js';
import { silent, type Progress } from './terminal.js';

export interface StackOptions {
  /** Folder of data, secrets and stack.json (STACK_DIR). */
  readonly folder: string;
  /** Environment variables such as PORT, EVENT_CARRIER and DATABASE_URL, as for `npm start`. */
  readonly env: NodeJS.ProcessEnv;
  readonly blank?: boolean;
  /** Whether the example service runs, too. People arrive there after sign-in. The default is false. */
  readonly example?: boolean;
  /** Additional environment variables, by service. */
  readonly serviceEnv?: Readonly<Record<string, NodeJS.ProcessEnv>>;
  /** Whether a service that dies is started again. The default is true. */
  readonly restart?: boolean;
  /** Whether {@link Watch} may ask which process has loaded a file. The default is false. */
  readonly watch?: boolean;
  /** Ports of Node's inspector, by service. */
  readonly inspectorPorts?: Readonly<Record<string, number>>;
  readonly progress?: Progress;
  /** Receives the lines that the processes print. */
  readonly log?: (service: string, line: string) => void;
}

const REGION = 'us-east-1';

export class Stack {
  private readonly folder: StackFolder;
  readonly services: StackServices;
  private readonly closing = new Closing((failure) => this.progress.say(failure));
  private readonly progress: Progress;
  private stopping: Promise<void> | undefined;
  private described: StackDescription | undefined;

  private constructor(private readonly options: StackOptions) {
    this.folder = new StackFolder(path.resolve(options.folder));
    this.progress = options.progress ?? silent;
    this.services = new StackServices({
      closing: this.closing,
      example: options.example ?? false,
      restart: options.restart ?? true,
      serviceEnv: options.serviceEnv ?? {},
      watch: options.watch ?? false,
      inspectorPorts: options.inspectorPorts ?? {},
      progress: this.progress,
      log: (service, line) => options.log?.(service, line),
      changed: () => this.publish(),
      stopIfAsked: () => this.stopIfAsked(),
    });
  }

  /** Resolves when everything is healthy. If a part fails, all others are stopped and the reason is thrown. */
  static async start(options: StackOptions, onCreated: (stack: Stack) => void = () => undefined): Promise<Stack> {
    const choice = checkEnvironment(options.env);
    const stack = new Stack(options);
    onCreated(stack);
    try {
      await stack.bringUp(choice);
      return stack;
    } catch (error) {
      await stack.stop();
      await stack.closeAll(); // stops parts that became ready while the others were being stopped
      throw error;
    }
  }

  /** The content of `stack.json`. */
  get description(): StackDescription {
    if (!this.described) throw new Error('the stack has not started');
    return this.described;
  }

  service(name: string): ServiceProcess {
    return this.services.get(name);
  }

  /** Stops everything in reverse order. A second call waits for the end of the first. */
  stop(): Promise<void> {
    this.stopping ??= this.closeAll();
    return this.stopping;
  }

  private async closeAll(): Promise<void> {
    this.folder.forget();
    await this.closing.close();
  }

  private async bringUp({ carrier, port }: StackChoice): Promise<void> {
    const { folder, progress } = this;
    const { env, blank = false, example = false } = this.options;
    const parts = { folder, env, example, closing: this.closing, say: (text: string) => progress.say(text) };
    folder.forget(); // a launcher that was killed has left its description
    const secrets = folder.secrets(DATABASE_USERS, CALLER_NAMES);
    const ports = await choosePorts(parts);
    const edge = await openEdge(parts, ports, port);
    const [database, brokers] = await progress.step(carrier === 'kafka' ? 'Postgres and Kafka' : 'Postgres', () =>
      Promise.all([openDatabase(parts, secrets), openKafka(parts, carrier)]),
    );
    await progress.step('Database roles and schemas', () => prepareDatabase(parts, database.url, secrets));
    const setup: StackSetup = {
      base: env,
      edge: edge.origin,
      databaseUrl: (service) => roleUrl(database.url, service, secrets),
      callers: secrets.callers,
      carrier,
      brokers,
      region: env.AWS_REGION || REGION,
      ports,
      signing: await signingKeys(parts, secrets),
    };
    folder.write('ports.json', { ...ports, ...(database.port && { postgres: database.port }) });
    const pool = await this.services.start(setup);
    const customer = await progress.step(
      blank ? 'Tenant "default"' : 'Tenant "default" and its connection to the sandbox Okta',
      () => this.connectCustomer(setup, secrets, blank),
    );
    this.described = describe(setup, pool, database.url, customer);
    this.publish();
  }

  /** Creates the tenant `default` and, unless `blank`, connects it to the sandbox Okta. */
  private async connectCustomer(setup: StackSetup, secrets: Secrets, blank: boolean): Promise<Customer> {
    const say = (text: string): void => this.progress.say(text);
    const created = await defaultTenant(setup, this.folder, secrets, { blank, say });
    const { tenant } = created;
    if (!blank) await connectOkta(setup, this.folder, secrets, created);
    this.stopIfAsked();
    return { tenant, exchange: blank ? null : await exampleExchange(setup, this.folder, secrets, tenant) };
  }

  private publish(): void {
    if (!this.described || this.stopping) return;
    const all = this.services.all();
    const services = Object.fromEntries(
      all.map(({ pid, spec: { name, url } }) => [name, { pid, url, health: '/health/ready', metrics: '/metrics' }]),
    );
    const tenants = this.folder.read('stack.json')?.tenants ?? this.described.tenants;
    this.described = { ...this.described, tenants, ready: all.every((service) => service.running), services };
    this.folder.write('stack.json', this.described);
  }

  private stopIfAsked(): void {
    if (this.stopping) throw new LocalProblem('The start was interrupted.');
  }
}

interface Customer {
  readonly tenant: StackDescription['tenants'][number];
  readonly exchange: StackDescription['exchange'];
}

const describe = (s: StackSetup, pool: UserPool, admin: string, { tenant, exchange }: Customer): StackDescription => ({
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
});
