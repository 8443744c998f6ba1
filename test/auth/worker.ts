/** The real deactivation-worker on the database and the Cognito of an `AuthRig`, behind a way that can be cut. */
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connectConsumer, createApplication, createLogger, Database, Health, loadConfig, Metrics } from '#platform';
import { DEFAULT_QUOTAS } from '#cognito';
import { service } from '../../apps/deactivation-worker/src/service.js';
import type { AuthRig, Instance } from './rig.js';

export async function startWorker(rig: AuthRig): Promise<Instance> {
  const quotas = Object.fromEntries(Object.keys(DEFAULT_QUOTAS).map((category) => [category, 10_000]));
  const given = ['INTERNAL_API_TOKEN', 'AWS_REGION', 'COGNITO_ENDPOINT', 'COGNITO_USER_POOL_ID', 'LOG_LEVEL', 'PORT'];
  const config = loadConfig(service.name, service.config, {
    ...Object.fromEntries(given.map((name) => [name, rig.environment[name]])),
    DATABASE_URL: rig.test.url('deactivation-worker'),
    COGNITO_QUOTA_SHARE: '1',
    COGNITO_QUOTAS: JSON.stringify(quotas),
    WORKER_LEASE_SECONDS: '2',
  });
  const logger = createLogger(service.name, config.LOG_LEVEL);
  const database = await Database.connect({ url: config.DATABASE_URL, poolSize: 12, ...service.database });
  await database.migrate();
  const metrics = new Metrics(service.name, { process: false });
  const platform = { service: service.name, config, database, logger, metrics, health: new Health() };
  const app = await createApplication(service, platform);
  for (const strategy of service.strategies?.(platform) ?? []) connectConsumer(app, strategy);
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
  const stop = async (): Promise<void> => {
    await app.close();
    await database.close();
  };
  return { url: await app.getUrl(), stop };
}

/** `cut`: nothing arrives; `deaf`: everything arrives, and no answer comes back. */
export type State = 'open' | 'cut' | 'deaf';

export class Way {
  state: State = 'open';
  /** Requests that arrived at the other end, e.g. `POST`. */
  readonly arrived: string[] = [];
  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async to(target: string): Promise<Way> {
    const server = createServer((incoming, outgoing) => {
      if (way.state === 'cut') return void incoming.socket.destroy();
      const { method = '', url = '', headers } = incoming;
      const forward = request(new URL(url, target), { method, headers }, (answer) => {
        way.arrived.push(method);
        if (way.state === 'deaf') return void incoming.socket.destroy();
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      });
      forward.on('error', () => incoming.socket.destroy());
      incoming.pipe(forward);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const way = new Way(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    return way;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
