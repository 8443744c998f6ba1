/** Answers the internal API of scim-gateway, as far as identity-service calls it, for a simulated directory. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Directory } from './identity-directory.js';

const PATH = /^\/internal\/tenants\/([^/]+)\/groups\/([^/]+)\/members$/;

export class DirectoryApi {
  /** While false, every request is answered 503. */
  available = true;

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async start(directory: Directory): Promise<DirectoryApi> {
    const server = createServer((request, response) => {
      const url = new URL(request.url ?? '', 'http://directory');
      const [, tenant, group = ''] = PATH.exec(url.pathname) ?? [];
      const own = directory.groups.get(group)?.tenant === tenant;
      const after = url.searchParams.get('after');
      const query = { limit: Number(url.searchParams.get('limit')), ...(after !== null && { after }) };
      const page = own ? directory.members(group, query) : null;
      const [status, body] = !api.available
        ? [503, { code: 'unavailable', detail: 'The directory is not available.' }]
        : page
          ? [200, page]
          : [404, { code: 'not_found', detail: 'The tenant has no such group.' }];
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const api = new DirectoryApi(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    return api;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
