/** The real Postgres behind a proxy that changes one answer: the number of its version. */
import { connect, createServer, type AddressInfo } from 'node:net';
import { Client } from 'pg';

/** The answer of PostgreSQL 15.4 to `show server_version_num`. */
const OLD = '150004';

export interface OldPostgres {
  readonly url: string;
  close(): Promise<void>;
}

export async function startOldPostgres(url: string): Promise<OldPostgres> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ server_version_num: string }>('show server_version_num');
  await client.end();
  const real = rows[0]?.server_version_num;
  if (real?.length !== OLD.length) throw new Error(`unexpected version of Postgres: ${real}`);

  const { hostname, port } = new URL(url);
  const server = createServer((inbound) => {
    const outbound = connect(Number(port || 5432), hostname);
    inbound.on('error', () => outbound.destroy()).pipe(outbound);
    outbound.on('error', () => inbound.destroy());
    outbound.on('data', (bytes) => inbound.write(bytes.toString('latin1').replaceAll(real, OLD), 'latin1'));
    outbound.on('close', () => inbound.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxied = new URL(url);
  proxied.hostname = '127.0.0.1';
  proxied.port = String((server.address() as AddressInfo).port);
  return { url: proxied.href, close: () => new Promise((resolve) => server.close(() => resolve())) };
}
