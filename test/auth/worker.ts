/** The real deactivation-worker on the database and the Cognito of an `AuthRig`, behind a proxy that can fail. */
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { service } from '../../apps/deactivation-worker/src/service.js';
import { startInProcess } from '../support/in-process.js';
import type { AuthRig, Instance } from '../support/auth.js';
import { ownQuotas } from '../support/quotas.js';

/** It stops together with the rig. */
export async function startWorker(rig: AuthRig): Promise<Instance> {
  const given = ['INTERNAL_API_CALLERS', 'AWS_REGION', 'COGNITO_ENDPOINT', 'COGNITO_USER_POOL_ID'];
  const environment = {
    ...Object.fromEntries(given.map((name) => [name, rig.environment[name] ?? ''])),
    DATABASE_URL: rig.test.url('deactivation-worker'),
    COGNITO_QUOTA_SHARE: '1',
    COGNITO_QUOTAS: JSON.stringify(ownQuotas(10_000)),
    WORKER_LEASE_SECONDS: '2',
  };
  const worker = await startInProcess(service, environment, 12);
  rig.stopAtClose(worker);
  return worker;
}

/** `cut`: no request arrives; `deaf`: requests arrive, but no answer returns. */
export type State = 'open' | 'cut' | 'deaf';

export class FailingProxy {
  state: State = 'open';
  /** Methods of the requests that arrived, e.g. `POST`. */
  readonly arrived: string[] = [];
  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async to(target: string): Promise<FailingProxy> {
    const server = createServer((incoming, outgoing) => {
      if (proxy.state === 'cut') return void incoming.socket.destroy();
      const { method = '', url = '', headers } = incoming;
      const forward = request(new URL(url, target), { method, headers }, (answer) => {
        proxy.arrived.push(method);
        if (proxy.state === 'deaf') return void incoming.socket.destroy();
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      });
      forward.on('error', () => incoming.socket.destroy());
      incoming.pipe(forward);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = new FailingProxy(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    return proxy;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
