/** How long audit rows are kept, which may be removed, and what remains of a removed person. */
import { Database, loadConfig } from '#platform';
import { sweepAudit } from '../../apps/auth-service/src/audit/audit.js';
import { service as definition } from '../../apps/auth-service/src/service.js';
import { Browser } from '../support/auth-browser.js';
import { HostileProvider } from '../support/auth-provider.js';
import { SESSION, signIn } from '../support/auth-journey.js';
import { AuthRig, LOCAL } from '../support/auth.js';
import { eventually } from '../support/waiting.js';

let op: HostileProvider;
let rig: AuthRig;
/** With the role of the service. */
let database: Database;

beforeAll(async () => {
  op = await new HostileProvider().start();
  rig = await AuthRig.start(op.origin);
  await (await rig.startService()).stop();
  database = await Database.connect({ url: rig.test.url('auth-service'), schema: 'auth' });
}, 120_000);
afterAll(async () => {
  await database.close();
  await rig.close();
  await op.stop();
});

const insert = (code: string, daysAgo: number, count = 1): Promise<unknown> =>
  database.query(
    `insert into audit (at, event, code) select clock_timestamp() - make_interval(days => $2), 'login', $1 from generate_series(1, $3)`,
    [code, daysAgo, count],
  );
const left = async (code: string): Promise<number> => (await rig.audit('code = $1', [code])).length;

describe('the audit', () => {
  it('is removed in batches, oldest rows first', async () => {
    await insert('older', 60, 3);
    await insert('old', 50, 3);
    expect(await sweepAudit(database, 40, 4)).toBe(true);
    expect([await left('older'), await left('old')]).toEqual([0, 2]);
    expect(await sweepAudit(database, 40, 4)).toBe(false);
    expect(await left('old')).toBe(0);
  });

  it('is kept for ever with a retention of 0 days', async () => {
    await insert('ancient', 20_000, 2);
    expect(await sweepAudit(database, 0)).toBe(false);
    expect(await left('ancient')).toBe(2);
  });

  it('is swept by two replicas at once without waiting and without double work', async () => {
    await insert('shared', 90, 6);
    await database.tx(async (tx) => {
      await sweepAudit(tx, 80, 1_000);
      await insert('shared', 90, 2);
      expect(await sweepAudit(database, 80, 1_000)).toBe(false);
    });
    expect(await left('shared')).toBe(0);
  });

  it('refuses any change, and the removal of rows of the last 30 days, even by the role of the service', async () => {
    await insert('young', 29);
    await insert('aged', 31);
    await expect(database.query(`delete from audit where code = 'young'`)).rejects.toThrow('append-only');
    await expect(sweepAudit(database, 1)).rejects.toThrow('append-only');
    await expect(database.query('update audit set id = default')).rejects.toThrow('append-only');
    for (const sql of [`update audit set code = null where code = 'aged'`, 'truncate audit'])
      await expect(database.query(sql)).rejects.toThrow('permission denied');
    expect([await left('young'), await left('aged')]).toEqual([1, 1]);
  });

  it('is swept by the service in as many batches as necessary', async () => {
    await insert('due', 401, 2_500);
    await insert('kept', 399);
    const running = await rig.startService();
    await eventually(async () => expect(await left('due')).toBe(0));
    expect(await left('kept')).toBe(1);
    await running.stop();
  });

  it.each(['29', '1', '-1', '40000', 'never'])('refuses a retention of %s days', (days) => {
    const environment = { ...rig.environment, AUDIT_RETENTION_DAYS: days };
    expect(() => loadConfig(definition.name, definition.config, environment)).toThrow(/AUDIT_RETENTION_DAYS/);
  });
});

describe('a removed person', () => {
  it('leaves ids in the audit, and neither name nor address in any table', async () => {
    const running = await rig.startService();
    const ada = await rig.addPerson(await rig.addTenant('default', null));
    op.sub = ada.externalId ?? '';
    const b = new Browser(running.url, LOCAL);
    expect((await signIn(op, b)).status).toBe(303);
    await rig.people.publishAccess({ ...ada, status: 'removed', roles: [] });
    await rig.people.publishAccount({ ...ada, status: 'removed', roles: [], primaryRole: null }, 'removed');
    await rig.handled();
    const tables = await rig.admin.query<{ name: string }>(
      `select table_name as name from information_schema.tables where table_schema = 'auth' and table_type = 'BASE TABLE'`,
    );
    for (const { name } of tables) {
      const rows = await rig.admin.query<{ row: string }>(`select to_jsonb(t)::text as row from auth.${name} t`);
      const named = rows.filter(({ row }) =>
        [ada.userName, ada.email, ada.displayName].some((v) => v && row.includes(v)),
      );
      expect([name, named]).toEqual([name, []]);
    }
    const entries = await rig.audit('account_id = $1', [ada.id]);
    expect(entries.map((e) => e.event)).toEqual(['login', 'session_ended']);
    expect(entries[0]).toMatchObject({ detail: { oktaSub: ada.externalId } });
    expect(b.cookies.has(SESSION)).toBe(true);
    expect((await b.get('/auth/session')).status).toBe(401);
  });
});
