/** The real deactivation-worker on the database and the Cognito of an `AuthRig`, behind a way that can be cut. */
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { service } from '../../apps/deactivation-worker/src/service.js';
import { startInProcess } from '../support/in-process.js';
import type { AuthRig, Instance } from '../support/auth.js';
import { ownQuotas } from '../support/quotas.js';

export function startWorker(rig: AuthRig): Promise<Instance> {
  const given = ['INTERNAL_API_TOKEN', 'AWS_REGION', 'COGNITO_ENDPOINT', 'COGNITO_USER_POOL_ID'];
  const environment = {
    ...Object.fromEntries(given.map((name) => [name, rig.environment[name] ?? ''])),
    DATABASE_URL: rig.test.url('deactivation-worker'),
    COGNITO_QUOTA_SHARE: '1',
    COGNITO_QUOTAS: JSON.stringify(ownQuotas(10_000)),
    WORKER_LEASE_SECONDS: '2',
  };
  return startInProcess(service, environment, 12);
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
