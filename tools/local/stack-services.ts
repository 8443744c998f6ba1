/** Starts the processes of a stack, and stores them by name. */
import type { Closing } from './closing.js';
import { EXAMPLE, EXAMPLE_ENTRY, exampleEnv } from './example.js';
import { LocalProblem } from './problem.js';
import { ServiceProcess } from './service-process.js';
import { PRODUCT, sandboxEnv } from './services.js';
import { SANDBOX, type StackSetup, type UserPool } from './setup.js';
import type { Progress } from './terminal.js';
import { userPool } from './user-pool.js';

const HUB = 'integration-hub';

export interface StackServicesOptions {
  readonly closing: Closing;
  readonly example: boolean;
  readonly restart: boolean;
  readonly serviceEnv: Readonly<Record<string, NodeJS.ProcessEnv>>;
  readonly progress: Progress;
  /** Whether the processes report the files that they load. */
  readonly watch: boolean;
  /** Ports of Node's inspector, by service. */
  readonly inspectorPorts: Readonly<Record<string, number>>;
  readonly log: (service: string, line: string) => void;
  /** Called when another process has replaced a process, or when a process has ended for good. */
  readonly changed: () => void;
  /** Throws an error after somebody has asked to stop the stack. */
  readonly stopIfAsked: () => void;
}

export class StackServices {
  private readonly byName = new Map<string, ServiceProcess>();

  constructor(private readonly options: StackServicesOptions) {}

  all(): readonly ServiceProcess[] {
    return [...this.byName.values()];
  }

  get(name: string): ServiceProcess {
    const service = this.byName.get(name);
    if (service) return service;
    throw new LocalProblem(`There is no service "${name}"; there are ${[...this.byName.keys()].join(', ')}.`);
  }

  /**
   * Starts the sandbox before the services that use it, because they would log failures of Cognito and Secrets Manager
   * until it answers. integration-hub uses it later than at its start.
   */
  async start(s: StackSetup): Promise<UserPool> {
    const { closing, example, progress } = this.options;
    closing.add(() => Promise.all(this.all().map((service) => service.stop())));
    const early = [SANDBOX, HUB];
    const others = [...Object.keys(PRODUCT).filter((name) => name !== HUB), ...(example ? [EXAMPLE] : [])];
    const notReady = () =>
      this.all()
        .filter(({ healthy }) => !healthy)
        .map(({ spec }) => spec.name)
        .join(', ');
    const startAll = (step: string, names: readonly string[], pool: UserPool | null): Promise<unknown> =>
      progress.step(step, () => Promise.all(names.map((name) => this.startOne(name, s, pool))), notReady);
    await startAll('Sandbox and integration-hub', early, null);
    const pool = await userPool(s);
    await startAll(`The other ${others.length} services`, others, pool);
    return pool;
  }

  /** Replaces processes that run, in the order of the start. Calls `replaced` after each of them. */
  async replace(
    names: readonly string[],
    replaced: (name: string, outcome: Promise<boolean>) => Promise<void>,
  ): Promise<void> {
    const run = (some: readonly string[]) =>
      Promise.all(some.map((name) => replaced(name, this.get(name).replace().finally(this.options.changed))));
    await run(names.filter((name) => name === SANDBOX));
    await run(names.filter((name) => name !== SANDBOX));
  }

  private async startOne(name: string, s: StackSetup, pool: UserPool | null): Promise<void> {
    const { restart, serviceEnv, progress, log, changed, stopIfAsked, watch, inspectorPorts } = this.options;
    stopIfAsked();
    const service = new ServiceProcess(
      {
        name,
        url: `http://localhost:${s.ports[name]}`,
        entry: name === EXAMPLE ? EXAMPLE_ENTRY : `dist/apps/${name}/src/main.js`,
        env: { ...environmentOf(name, s, pool), ...serviceEnv[name] },
        inspectorPort: inspectorPorts[name],
        reportFiles: watch,
      },
      { log: (line) => log(name, line), say: (text) => progress.say(text), changed },
      restart,
    );
    this.byName.set(name, service);
    await service.start();
  }
}

function environmentOf(name: string, s: StackSetup, pool: UserPool | null): NodeJS.ProcessEnv {
  if (name === SANDBOX) return sandboxEnv(s);
  if (name === EXAMPLE) return exampleEnv(s, pool);
  return PRODUCT[name]?.(s, pool) ?? {};
}

/** Names of all processes that a stack can run. */
export const ALL_SERVICES: readonly string[] = [SANDBOX, ...Object.keys(PRODUCT), EXAMPLE];
