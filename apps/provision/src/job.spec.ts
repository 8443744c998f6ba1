import { createServer, connect, type AddressInfo } from 'node:net';
import { jest } from '@jest/globals';
import { Client } from 'pg';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { passwordVariable } from './config.js';
import { runProvision } from './job.js';
import { SERVICES, type ServiceName } from './provision.js';

let testDatabase: TestDatabase;
beforeAll(async () => (testDatabase = await createTestDatabase()));
afterAll(() => testDatabase.drop());

const names = Object.keys(SERVICES) as ServiceName[];
// The roles belong to the whole cluster, which other specs use at the same time: the same password as theirs.
const passwords = () =>
  Object.fromEntries(names.map((name) => [passwordVariable(name), new URL(testDatabase.url(name)).password]));

/** The output of the job on both streams. */
async function run(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<{ code: number; printed: string }> {
  const printed: string[] = [];
  const spies = (['log', 'error'] as const).map((name) =>
    jest.spyOn(console, name).mockImplementation((line: unknown) => void printed.push(String(line))),
  );
  try {
    return { code: await runProvision(argv, env), printed: printed.join('\n') };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

describe('the provisioning job', () => {
  it('reports every missing setting at once, and changes nothing', async () => {
    const { code, printed } = await run([], {});
    expect(code).toBe(78);
    for (const name of ['ADMIN_DATABASE_URL', ...names.map(passwordVariable)])
      expect(printed).toContain(`${name} is not set`);
  });

  it('prints its configuration without passwords', async () => {
    const env = {
      ADMIN_DATABASE_URL: 'postgres://admin:hush-hush@h/d',
      ...Object.fromEntries(names.map((n) => [passwordVariable(n), 'hush-hush'])),
    };
    const { code, printed } = await run(['--print-config'], env);
    expect(code).toBe(0);
    expect(printed).toContain('postgres://admin:****@h/d');
    expect(printed).not.toContain('hush-hush');
    expect((await run(['--help'], {})).printed).toContain('ADMIN_DATABASE_URL');
  });

  it('waits for a database that is still starting, and can be repeated', async () => {
    const target = new URL(testDatabase.adminUrl);
    const proxy = createServer((socket) => {
      const upstream = connect(Number(target.port), target.hostname);
      socket.pipe(upstream).pipe(socket);
      for (const s of [socket, upstream]) s.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as AddressInfo;
    await new Promise((resolve) => proxy.close(resolve));
    const url = new URL(target);
    url.host = `127.0.0.1:${port}`;

    const job = run([], { ADMIN_DATABASE_URL: url.href, ...passwords() });
    await new Promise((resolve) => setTimeout(resolve, 600));
    await new Promise<void>((resolve) => proxy.listen(port, '127.0.0.1', resolve));
    try {
      expect((await job).code).toBe(0);
      expect((await run([], { ADMIN_DATABASE_URL: url.href, ...passwords() })).code).toBe(0);
    } finally {
      proxy.close();
    }

    const client = new Client({ connectionString: testDatabase.url('integration-hub') });
    await client.connect();
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await client.end();
  });

  it('gives up when the time for waiting is over', async () => {
    const { code } = await run([], {
      ADMIN_DATABASE_URL: 'postgres://x:y@127.0.0.1:9/z',
      DATABASE_PATIENCE_SECONDS: '0',
      ...passwords(),
    });
    expect(code).toBe(69);
  });
});
