import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseScimToken } from '#secrets';
import { runCli } from '../../apps/integration-hub/src/cli.js';
import { HubUnderTest } from './hub.js';

let hub: HubUnderTest;
beforeAll(async () => (hub = await HubUnderTest.start()));
afterAll(() => hub.stop());

const TOKEN = /sfs1\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}/g;

describe('npm run tenant -- create', () => {
  it('says what to enter in Okta, in the words of the product page, and shows the token', async () => {
    const { code, out, err } = await hub.run('create words');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    for (const line of [
      /SCIM Connector Base URL +http:\/\/localhost:8080\/prod\/api\/scim\/v2\n/,
      /Unique identifier field +userName\n/,
      /Authentication Mode +HTTP Header\n/,
      /Authorization: Bearer +sfs1\./,
    ])
      expect(out).toMatch(line);
    expect(out).toContain('Push New Users, Push Profile Updates, Push Groups, Deactivate Users');
    expect(out).toContain('configure words --scim on');
    expect(out.match(TOKEN)).toHaveLength(1);
  });

  it('starts with the defaults of the product page', async () => {
    const { settings, version } = await hub.json('create defaults');
    expect(settings).toMatchObject({ scimEnabled: false, groupSync: true, deactivateOnOffboard: true });
    expect(settings.roles).toEqual(['super_admin', 'itsm_manager', 'itsm_agent', 'viewer']);
    expect(settings.roleMappings).toEqual([
      { group: { name: 'StackFlow-Admins' }, role: 'super_admin' },
      { group: { name: 'StackFlow-ITSM-Managers' }, role: 'itsm_manager' },
      { group: { name: 'StackFlow-Agents' }, role: 'itsm_agent' },
      { group: { name: 'StackFlow-Viewers' }, role: 'viewer' },
    ]);
    expect(version).toBe(2);
  });

  it('issues a token that names the new tenant', async () => {
    const { tenant, scimToken } = await hub.json('create names');
    expect(parseScimToken(scimToken)?.tenantId).toBe(tenant.id);
  });

  it('reports success only after the events are published', async () => {
    const { tenant, settings, published } = await hub.json('create published --enable-scim');
    expect(published).toBe(true);
    const events = await hub.events(tenant.id);
    expect(events.map((e) => e.sequence)).toEqual([1, 2]);
    expect(events[0]?.data).toMatchObject({ scimEnabled: true, scimToken: null });
    expect(events[1]?.data).toEqual(settings);
  });

  it('leaves the token nowhere but on the screen (P5)', async () => {
    const { scimToken } = await hub.json('create secretive');
    await hub.json('rotate-token secretive');
    const secretPart = scimToken.split('.')[2] ?? '';
    const tables = await hub.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('hub', 'bus')`,
    );
    expect(tables.length).toBeGreaterThan(4);
    for (const { name } of tables) {
      const rows = await hub.query<{ row: string }>(`select t::text as row from ${name} t`);
      expect(rows.filter(({ row }) => row.includes(secretPart))).toEqual([]);
    }
  });

  it('repeated, says that the tenant exists and issues no second token', async () => {
    const first = await hub.json('create twice');
    const again = await hub.run('create twice');
    expect(again.code).toBe(1);
    expect(again.err).toContain('exists');
    expect(again.err).toContain('rotate-token twice');
    expect(again.out).toBe('');
    const quiet = await hub.run('create twice --if-missing');
    expect(quiet).toMatchObject({ code: 0, err: '' });
    expect(quiet.out).not.toMatch(TOKEN);
    expect((await hub.json('show twice')).version).toBe(first.version);
  });

  it('at the same time twice, makes one tenant and shows one token', async () => {
    const both = await Promise.all([hub.run('create race'), hub.run('create race')]);
    expect(both.map((r) => r.code).sort()).toEqual([0, 1]);
    expect(both.flatMap((r) => r.out.match(TOKEN) ?? [])).toHaveLength(1);
  });

  it.each(['Acme', '-acme', 'acme-', 'a_b', 'a.b', 'ünder', 'a'.repeat(64)])('refuses %s as a name', async (slug) => {
    const { code, err } = await hub.runArgs(['create', '--', slug]);
    expect(code).toBe(1);
    expect(err).toContain('lower-case letters, digits and hyphens');
  });

  it('gives a host name to one tenant only, whatever its case', async () => {
    const { tenant, scimBaseUrl } = await hub.json('create hosted --host Hosted.Example.com');
    expect(tenant.host).toBe('hosted.example.com');
    expect(scimBaseUrl).toBe('https://hosted.example.com/prod/api/scim/v2');
    const second = await hub.run('create hosted2 --host hosted.example.COM');
    expect(second.code).toBe(1);
    expect(second.err).toContain('belongs to another tenant');
    expect((await hub.run('show hosted2')).code).toBe(1);
    expect((await hub.run('create hosted3 --host https://x.example.com/')).err).toContain('without https://');
  });
});

describe('npm run tenant -- configure', () => {
  beforeAll(async () => void (await hub.json('create conf')));

  it('switches the three toggles, one version each', async () => {
    const on = await hub.json('configure conf --scim on --group-sync off --deactivate-on-offboard off');
    expect(on.settings).toMatchObject({ scimEnabled: true, groupSync: false, deactivateOnOffboard: false });
    const back = await hub.json('configure conf --deactivate-on-offboard on');
    expect(back.settings).toMatchObject({ scimEnabled: true, groupSync: false, deactivateOnOffboard: true });
    expect(back.version).toBe(on.version + 1);
  });

  it('publishes the whole state with each version', async () => {
    const { tenant, settings, version } = await hub.json('configure conf --group-sync on');
    expect((await hub.events(tenant.id)).at(-1)).toEqual({ sequence: version, data: settings });
  });

  it('maps and unmaps groups by name and by id', async () => {
    const id = '0198aaaa-0000-7000-8000-000000000001';
    const mapped = await hub.runArgs([
      'configure',
      'conf',
      '--map',
      'Night shift = west=viewer',
      '--map-id',
      `${id}=itsm_agent`,
      '--json',
    ]);
    expect(mapped.err).toBe('');
    const { settings } = JSON.parse(mapped.out) as { settings: { roleMappings: unknown[] } };
    expect(settings.roleMappings.slice(4)).toEqual([
      { group: { name: 'Night shift = west' }, role: 'viewer' },
      { group: { id }, role: 'itsm_agent' },
    ]);
    const unmapped = await hub.runArgs(['configure', 'conf', '--unmap', 'NIGHT SHIFT = west', '--unmap', id, '--json']);
    expect(
      (JSON.parse(unmapped.out) as typeof mapped & { settings: { roleMappings: unknown[] } }).settings.roleMappings,
    ).toHaveLength(4);
  });

  it('repeated, changes nothing and makes no version', async () => {
    const before = await hub.json('show conf');
    const again = await hub.run('configure conf --scim on --map stackflow-admins=super_admin');
    expect(again.code).toBe(0);
    expect(again.out).toContain('Nothing to change');
    expect((await hub.json('show conf')).version).toBe(before.version);
  });

  it('names everything that is wrong, and changes nothing', async () => {
    const before = await hub.json('show conf');
    const { code, err } = await hub.run(
      'configure conf --scim off --map Finance=accountant --map-id 7=viewer --unmap Nobody',
    );
    expect(code).toBe(1);
    expect(err).toContain('"accountant"');
    expect(err).toContain('super_admin, itsm_manager, itsm_agent, viewer');
    expect(err).toContain('"7" is not a group id');
    expect(err).toContain('Nothing to unmap: the group "Nobody"');
    expect(await hub.json('show conf')).toEqual(before);
  });

  it('keeps who changed what', async () => {
    const { tenant, version } = await hub.json(
      'configure conf --roles super_admin,itsm_manager,itsm_agent,auditor,viewer',
    );
    const audit = await hub.query<{ who: string; action: string; detail: unknown }>(
      'select who, action, detail from hub.admin_audit where tenant_id = $1 order by id desc limit 1',
      [tenant.id],
    );
    expect(audit).toEqual([
      { who: expect.stringMatching(/./), action: 'configure', detail: { version, changed: ['roles'] } },
    ]);
  });
});

describe('npm run tenant, in general', () => {
  it('knows no tenant that is not there', async () => {
    for (const command of ['show ghost', 'configure ghost --scim on', 'rotate-token ghost']) {
      const { code, err } = await hub.run(command);
      expect({ command, code }).toEqual({ command, code: 1 });
      expect(err).toContain('There is no tenant "ghost"');
    }
  });

  it('lists the tenants without any secret', async () => {
    const { out } = await hub.run('list');
    expect(out).toMatch(/hosted +SCIM off +hosted\.example\.com/);
    expect(out).not.toMatch(TOKEN);
  });

  it.each([
    'configure x --scim maybe',
    'rotate-token x --grace soon',
    'rotate-token x --grace 24',
    'rotate-token x --grace 31d',
    'configure x --map viewer',
    'create',
    'destroy x',
  ])('refuses "%s" before it touches anything', async (args) => {
    const { code, err } = await hub.run(args, {});
    expect(code).toBe(64);
    expect(err).toMatch(/error: /);
  });

  it('without configuration says what is missing', async () => {
    const { code, err } = await hub.run('list', { STACK_DIR: '/nonexistent' });
    expect(code).toBe(78);
    expect(err).toContain('DATABASE_URL is not set');
    expect(err).toContain('npm start');
  });

  it('without a database says so, and keeps the password to itself', async () => {
    const { code, err } = await hub.run('list', {
      ...hub.env,
      DATABASE_URL: 'postgres://integration_hub:hush-hush@127.0.0.1:9/x',
    });
    expect(code).toBe(69);
    expect(err).toContain('not reachable');
    expect(err).not.toContain('hush-hush');
  });

  it('prints no password that a driver puts into its message', async () => {
    const failure = Object.assign(new Error('no answer from postgres://role:hush-hush@db/x'), { code: 'ECONNREFUSED' });
    let err = '';
    const open = () => Promise.reject(failure);
    expect(await runCli(['list'], { env: hub.env, open, out: () => undefined, err: (text) => (err += text) })).toBe(69);
    expect(err).toContain('postgres://role:[redacted]@db/x');
  });

  it('finds a local stack by its files', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'stack-'));
    try {
      const url = new URL(hub.database.url('integration-hub'));
      writeFileSync(
        path.join(folder, 'secrets.json'),
        JSON.stringify({ passwords: { 'integration-hub': url.password }, internalToken: 'x' }),
      );
      writeFileSync(
        path.join(folder, 'stack.json'),
        JSON.stringify({
          edge: 'http://localhost:1234',
          carrier: 'postgres',
          kafka: null,
          postgres: hub.database.adminUrl,
          sandbox: { secretsManager: hub.secretsEndpoint },
          cognito: { region: 'eu-west-1' },
        }),
      );
      const { code, out, err } = await hub.run('create from-files', { STACK_DIR: folder });
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toContain('http://localhost:1234/prod/api/scim/v2');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
