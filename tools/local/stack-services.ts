/** Starts the processes of a stack, and stores them by name. */
import { isDeepStrictEqual } from 'node:util';
import type { Closing } from './closing.js';
import { EXAMPLE, EXAMPLE_ENTRY, exampleEnv } from './example.js';
import type { StackFolder } from './folder.js';
import { LocalProblem } from './problem.js';
import { ServiceProcess } from './service-process.js';
import { NEEDS_USER_POOL, PRODUCT, sandboxEnv } from './services.js';
import { SANDBOX, type StackSetup, type UserPool } from './setup.js';
import { userPool } from './user-pool.js';

export interface StackServicesOptions {
  readonly folder: StackFolder;
  readonly closing: Closing;
  readonly example: boolean;
  readonly restart: boolean;
  readonly serviceEnv: Readonly<Record<string, NodeJS.ProcessEnv>>;
  readonly say: (text: string) => void;
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
   * Starts all services at the same time. Some services need the user pool, which usually does not change between
   * starts, so they begin with the pool of the last start. If the sandbox has another pool (because its database was
   * replaced), they are started again with the new pool.
   */
  async start(s: StackSetup): Promise<UserPool> {
    const { folder, example } = this.options;
    const needPool = [...NEEDS_USER_POOL, ...(example ? [EXAMPLE] : [])];
    const others = Object.keys(PRODUCT).filter((name) => !needPool.includes(name));
    const lastPool = folder.read('user-pool.json');
    const early =
      lastPool?.clientSecret === undefined ? [] : needPool.map((name) => this.startOne(name, s, lastPool as UserPool));
    for (const promise of early) promise.catch(() => undefined); // the start is awaited below, or stopped on purpose
    const sandbox = this.startOne(SANDBOX, s, null);
    const withPool = async (): Promise<UserPool> => {
      await sandbox;
      const pool = await userPool(s);
      if (isDeepStrictEqual(pool, lastPool)) await Promise.all(early);
      else {
        for (const name of needPool) await this.byName.get(name)?.stop();
        await Promise.all(needPool.map((name) => this.startOne(name, s, pool)));
        folder.write('user-pool.json', pool);
      }
      return pool;
    };
    const [pool] = await Promise.all([withPool(), ...others.map((name) => this.startOne(name, s, null))]);
    return pool;
  }

  private async startOne(name: string, s: StackSetup, pool: UserPool | null): Promise<void> {
    const { closing, restart, serviceEnv, say, log, changed, stopIfAsked } = this.options;
    stopIfAsked();
    const url = `http://localhost:${s.ports[name]}`;
    const entry = name === EXAMPLE ? EXAMPLE_ENTRY : `dist/apps/${name}/src/main.js`;
    const service = new ServiceProcess(
      { name, entry, url, env: { ...environmentOf(name, s, pool), ...serviceEnv[name] } },
      { log: (line) => log(name, line), changed },
      restart,
    );
    this.byName.set(name, service);
    closing.add(() => service.stop());
    await service.start();
    say(`${name} is ready at ${url}`);
  }
}

function environmentOf(name: string, s: StackSetup, pool: UserPool | null): NodeJS.ProcessEnv {
  if (name === SANDBOX) return sandboxEnv(s);
  if (name === EXAMPLE) return exampleEnv(s, pool);
  return PRODUCT[name]?.(s, pool) ?? {};
}
