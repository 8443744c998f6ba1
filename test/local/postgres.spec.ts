/** The embedded Postgres, also after crashes, with taken ports, and in folders of other users. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { isReachableByAll, isRoot, linkLibraries } from '../../tools/local/postgres-files.js';
import { startPostgres, type LocalPostgres } from '../../tools/local/postgres.js';

const SETTINGS = { fsync: 'off', shared_buffers: '16MB' };

describe('the embedded Postgres', () => {
  let folder: string;
  let running: LocalPostgres | undefined;
  const log: string[] = [];
  const start = async (password = 'first'): Promise<LocalPostgres> =>
    (running = await startPostgres({ folder, password, settings: SETTINGS, log: (text) => void log.push(text) }));

  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(tmpdir(), 'stackflow-pg-'));
    fs.chmodSync(folder, 0o755);
  });
  beforeEach(() => void (log.length = 0));
  afterEach(() => running?.stop());
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  test('starts on an empty folder and leaves no password behind', async () => {
    await query((await start()).url, 'create table kept (n int)');
    expect(fs.readdirSync(folder).sort()).toEqual(['data', 'owner.lock']);
    expect(
      await query(running?.url ?? '', 'select setting from pg_settings where name in ($1, $2) order by name', [
        'listen_addresses',
        'unix_socket_directories',
      ]),
    ).toEqual([{ setting: '127.0.0.1' }, { setting: '' }]);
  });

  test('keeps the data, requires the password, and sets a new one at the next start', async () => {
    const { url } = await start('second');
    expect(log).toEqual(['Setting the password of the database superuser']);
    expect(await query(url, 'select count(*)::int as n from kept')).toEqual([{ n: 0 }]);
    await expect(query(url.replace('second', 'first'), 'select 1')).rejects.toThrow(/password authentication failed/);
  });

  test('recovers after the server was killed, also if another program has its pid by now', async () => {
    const killed = await start('second');
    await query(killed.url, 'insert into kept values (7)');
    process.kill(killed.pid, 'SIGKILL');
    await killed.ended;
    const pidfile = path.join(folder, 'data', 'postmaster.pid');
    fs.writeFileSync(pidfile, fs.readFileSync(pidfile, 'utf8').replace(/^\d+/, String(process.ppid)));
    expect(await query((await start('second')).url, 'select n from kept')).toEqual([{ n: 7 }]);
  });

  test('is not started twice on the same folder: the second start names the process that has it', async () => {
    const { url } = await start('second');
    await expect(startPostgres({ folder, password: 'second' })).rejects.toThrow(
      new RegExp(`^Process ${process.pid} already runs Postgres`),
    );
    expect(await query(url, 'select 1 as fine')).toEqual([{ fine: 1 }]);
  });

  test('uses another port if the preferred one is taken', async () => {
    const first = await start('second');
    const other = fs.mkdtempSync(path.join(tmpdir(), 'stackflow-pg-'));
    fs.chmodSync(other, 0o755);
    const second = await startPostgres({ folder: other, password: 'x', port: first.port, settings: SETTINGS });
    try {
      expect(second.port).not.toBe(first.port);
    } finally {
      await second.stop();
      fs.rmSync(other, { recursive: true, force: true });
    }
  });

  test('says what to do about data of another version and about a folder that cannot be written', async () => {
    const old = fs.mkdtempSync(path.join(tmpdir(), 'stackflow-pg-'));
    fs.chmodSync(old, 0o755);
    try {
      fs.mkdirSync(path.join(old, 'data'));
      fs.writeFileSync(path.join(old, 'data', 'PG_VERSION'), '15\n');
      await expect(startPostgres({ folder: old, password: 'x' })).rejects.toThrow(
        /created by Postgres 15, but this Postgres is 18. Move the folder away/,
      );
      await expect(
        startPostgres({ folder: path.join(old, 'data', 'PG_VERSION', 'below'), password: 'x' }),
      ).rejects.toThrow(/Cannot write to .* name another folder in STACK_DIR/);
    } finally {
      fs.rmSync(old, { recursive: true, force: true });
    }
  });

  test('creates the library links that an install without scripts leaves out, also a second time', () => {
    const pack = fs.mkdtempSync(path.join(tmpdir(), 'stackflow-native-'));
    try {
      fs.mkdirSync(path.join(pack, 'native', 'lib'), { recursive: true });
      fs.writeFileSync(path.join(pack, 'native', 'lib', 'libx.so.1.2'), 'x');
      fs.writeFileSync(
        path.join(pack, 'native', 'pg-symlinks.json'),
        JSON.stringify([{ source: 'native/lib/libx.so.1.2', target: 'native/lib/libx.so.1' }]),
      );
      for (let time = 0; time < 2; time++) expect(linkLibraries(path.join(pack, 'native'))).toBe(true);
      expect(fs.readFileSync(path.join(pack, 'native', 'lib', 'libx.so.1'), 'utf8')).toBe('x');
      expect(fs.readlinkSync(path.join(pack, 'native', 'lib', 'libx.so.1'))).toBe('libx.so.1.2');
    } finally {
      fs.rmSync(pack, { recursive: true, force: true });
    }
  });

  if (isRoot()) {
    test('runs as an unprivileged user, with its data outside, when root starts it in a folder of mode 700', async () => {
      const home = fs.mkdtempSync(path.join(tmpdir(), 'stackflow-home-'));
      const inside = path.join(home, '.local', 'postgres');
      expect(isReachableByAll(home)).toBe(false);
      const first = await startPostgres({ folder: inside, password: 'x', settings: SETTINGS });
      const outside = fs.readFileSync(path.join(inside, 'data-is-in'), 'utf8').trim();
      try {
        expect(fs.statSync(path.join(outside, 'data')).uid).not.toBe(0);
        await query(first.url, 'create table kept ()');
        await first.stop();
        const second = await startPostgres({ folder: inside, password: 'x', settings: SETTINGS });
        expect(await query(second.url, 'select count(*)::int as n from kept')).toEqual([{ n: 0 }]);
        await second.stop();
      } finally {
        await first.stop();
        fs.rmSync(outside, { recursive: true, force: true });
        fs.rmSync(home, { recursive: true, force: true });
      }
    });
  }
});

async function query(url: string, sql: string, values: unknown[] = []): Promise<object[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<object>(sql, values)).rows;
  } finally {
    await client.end();
  }
}
