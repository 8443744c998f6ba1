/** `connect-okta`, `disconnect-okta` and the brake: what is stored where, and what is shown when. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { oktaSecretName, readOktaSecret, SecretStore } from '#secrets';
import { DEFAULT_BRAKE } from '#settings';
import { runCli } from '../../apps/integration-hub/src/cli.js';
import { HubUnderTest, type HubAnswer } from './hub.js';

const API_TOKEN = '00aaaabbbbccccddddeeeeffffgggghhhhiiiijjjj';
const SECRET = /sfh1\.[A-Za-z0-9_-]{43}/g;

let hub: HubUnderTest;
let folder: string;
let file: string;
let store: SecretStore;
beforeAll(async () => {
  hub = await HubUnderTest.start();
  folder = mkdtempSync(path.join(tmpdir(), 'okta-'));
  file = path.join(folder, 'token');
  writeFileSync(file, `${API_TOKEN}\n`);
  store = new SecretStore({
    region: 'us-east-1',
    endpoint: hub.secretsEndpoint,
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
  });
});
afterAll(async () => {
  store.close();
  rmSync(folder, { recursive: true });
  await hub.stop();
});

type Connected = HubAnswer & { eventHookUrl: string; eventHookSecret?: string; changed: string[] };
const flags = (where = file): string =>
  `--domain acme.okta.com --app-id 0oa1234567890abcdefg --api-token-file ${where}`;
const connect = (slug: string, more = ''): Promise<Connected> => hub.json(`connect-okta ${slug} ${flags()}${more}`);
const secretsIn = (text: string): string[] => [...new Set(text.match(SECRET) ?? [])];

describe('npm run tenant -- connect-okta', () => {
  it('says what to enter in Okta and shows the hook secret, once', async () => {
    await hub.json('create words');
    const first = await hub.run(`connect-okta words ${flags()}`);
    expect({ code: first.code, err: first.err }).toEqual({ code: 0, err: '' });
    expect(first.out).toMatch(/Endpoint URL +http:\/\/localhost:8080\/auth\/okta\/event-hook\/words\n/);
    expect(first.out).toMatch(/Authentication field +Authorization\n/);
    expect(first.out).toContain('user.lifecycle.suspend');
    expect(secretsIn(first.out)).toHaveLength(1);
    const again = await hub.run(`connect-okta words ${flags()}`);
    expect(again.code).toBe(0);
    expect(secretsIn(again.out)).toEqual([]);
    expect(again.out).toContain('--rotate-hook-secret');
  });

  it('publishes domain and app, keeps token and hook secret in the secret store alone (P5)', async () => {
    const { tenant } = await hub.json('create secretive --host secretive.example.com');
    const connected = await connect('secretive');
    expect(connected.settings.okta).toEqual({ domain: 'acme.okta.com', appId: '0oa1234567890abcdefg' });
    expect(connected.eventHookUrl).toBe('https://secretive.example.com/auth/okta/event-hook/secretive');
    expect((await hub.events(tenant.id)).at(-1)).toEqual({ sequence: connected.version, data: connected.settings });
    expect(await readOktaSecret(store, tenant.id)).toEqual({
      apiToken: API_TOKEN,
      hookSecrets: [{ secret: connected.eventHookSecret, validUntil: Infinity }],
    });
    const tables = await hub.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('hub', 'bus')`,
    );
    for (const { name } of tables) {
      const rows = await hub.query<{ row: string }>(`select t::text as row from ${name} t`);
      for (const secret of [API_TOKEN, connected.eventHookSecret ?? ''])
        expect(rows.filter(({ row }) => row.includes(secret))).toEqual([]);
    }
    for (const command of ['show secretive', 'list', 'show secretive --json', 'list --json']) {
      const { out } = await hub.run(command);
      expect(out).not.toContain(API_TOKEN);
      expect(secretsIn(out)).toEqual([]);
    }
  });

  it('stands in the list, in "show" and in the audit', async () => {
    const { tenant } = await hub.json('create shown');
    expect((await hub.run('show shown')).out).toMatch(/Okta +not connected\n/);
    const { version } = await connect('shown');
    expect((await hub.run('show shown')).out).toMatch(/Okta +acme\.okta\.com, app 0oa1234567890abcdefg\n/);
    expect((await hub.run('list')).out).toMatch(/shown .*Okta acme\.okta\.com/);
    const audit = await hub.query(
      'select action, detail from hub.admin_audit where tenant_id = $1 order by id desc limit 1',
      [tenant.id],
    );
    expect(audit).toEqual([
      { action: 'connect-okta', detail: { version, changed: ['okta', 'oktaApiToken', 'oktaEventHookSecret'] } },
    ]);
  });

  it('with another API token keeps the hook secret and tells the services by a new version', async () => {
    const { tenant } = await hub.json('create renewed');
    const first = await connect('renewed');
    writeFileSync(path.join(folder, 'other'), `${API_TOKEN}x`);
    const second = await hub.json<Connected>(`connect-okta renewed ${flags(path.join(folder, 'other'))}`);
    expect(second).toMatchObject({ version: first.version + 1, changed: ['oktaApiToken'], published: true });
    expect(second.eventHookSecret).toBeUndefined();
    expect((await hub.events(tenant.id)).map((e) => e.sequence)).toContain(second.version);
    const credentials = await readOktaSecret(store, tenant.id);
    expect(credentials?.apiToken).toBe(`${API_TOKEN}x`);
    expect(credentials?.hookSecrets.map((s) => s.secret)).toEqual([first.eventHookSecret]);
  });

  it('rotates the hook secret with grace, or without', async () => {
    const { tenant } = await hub.json('create rotated');
    const first = await connect('rotated');
    const second = await connect('rotated', ' --rotate-hook-secret --grace 2h');
    const accepted = async () => (await readOktaSecret(store, tenant.id))?.hookSecrets.map((s) => s.secret);
    expect(await accepted()).toEqual([second.eventHookSecret, first.eventHookSecret]);
    const third = await connect('rotated', ' --rotate-hook-secret --grace 0');
    expect(await accepted()).toEqual([third.eventHookSecret]);
  });

  it('takes the token from standard input, not from an argument', async () => {
    const { tenant } = await hub.json('create piped');
    let out = '';
    const code = await runCli(['connect-okta', 'piped', ...flags('-').split(' ')], {
      env: hub.env,
      stdin: Readable.from([Buffer.from('00from-stdin'), Buffer.from('-aaaa\n')]),
      out: (text) => (out += text),
      err: (text) => (out += text),
    });
    expect(code).toBe(0);
    expect((await readOktaSecret(store, tenant.id))?.apiToken).toBe('00from-stdin-aaaa');
    expect(out).not.toContain('00from-stdin');
    expect((await hub.run(`connect-okta piped ${flags()} --api-token ${API_TOKEN}`)).code).toBe(64);
  });

  it.each([
    ['SSWS in front', `SSWS ${API_TOKEN}`],
    ['two lines', `${API_TOKEN}\n${API_TOKEN}`],
    ['nothing', ''],
    ['something endless', 'a'.repeat(100_000)],
  ])('refuses a token file with %s, and does not quote it', async (_, content) => {
    await hub.json('create picky --if-missing');
    writeFileSync(path.join(folder, 'bad'), content);
    const { code, out, err } = await hub.run(`connect-okta picky ${flags(path.join(folder, 'bad'))}`);
    expect(code).toBe(1);
    expect(err).toContain('holds no API token');
    expect(out + err).not.toContain(API_TOKEN);
    expect((await hub.json('show picky')).settings.okta).toBeNull();
  });

  it.each([
    ['https://acme.okta.com', '0oa1', 'is not an Okta domain'],
    ['acme.okta.com.evil.example', '0oa1', 'is not an Okta domain'],
    ['169.254.169.254', '0oa1', 'is not an Okta domain'],
    ['acme.okta.com', '../users', 'is not the id of an Okta app'],
  ])('refuses %s with app %s before it writes a secret', async (domain, app, sentence) => {
    const { tenant } = await hub.json(`create refused-${Math.random().toString(36).slice(2)}`);
    const { code, err } = await hub.run(
      `connect-okta ${tenant.slug} --domain ${domain} --app-id ${app} --api-token-file ${file}`,
    );
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining(sentence) });
    expect(hub.secretsManager.values(oktaSecretName(tenant.id))).toEqual([]);
  });

  it('says which file, which tenant and which secret store is missing', async () => {
    await hub.json('create lost');
    expect((await hub.run(`connect-okta lost ${flags('/nonexistent')}`)).err).toContain('/nonexistent cannot be read');
    expect((await hub.run(`connect-okta nobody ${flags()}`)).err).toContain('There is no tenant "nobody"');
    hub.secretsManager.mode = 'error';
    const { code, err } = await hub.run(`connect-okta lost ${flags()}`);
    hub.secretsManager.mode = 'ok';
    expect(code).toBe(69);
    expect(err).toContain('Okta was not connected');
    expect((await hub.json('show lost')).settings.okta).toBeNull();
  });

  it('after a crash between secret and settings is completed by repeating it', async () => {
    const { tenant } = await hub.json('create crashed');
    hub.secretsManager.mode = 'mute'; // does what it is asked and never answers: as if the process ended there
    expect((await hub.run(`connect-okta crashed ${flags()}`)).code).toBe(69);
    hub.secretsManager.mode = 'ok';
    const { eventHookSecret } = await connect('crashed', ' --rotate-hook-secret');
    expect((await readOktaSecret(store, tenant.id))?.hookSecrets[0]?.secret).toBe(eventHookSecret);
  });
});

describe('npm run tenant -- disconnect-okta', () => {
  it('erases token and hook secret after the settings tell of it', async () => {
    const { tenant } = await hub.json('create leaving');
    await connect('leaving');
    const left = await hub.json<Connected>('disconnect-okta leaving');
    expect(left).toMatchObject({ settings: { okta: null }, changed: ['okta'], published: true });
    expect(left.eventHookUrl).toBeUndefined();
    expect(await readOktaSecret(store, tenant.id)).toBeNull();
    expect(await store.read(oktaSecretName(tenant.id), 'AWSPREVIOUS')).not.toContain(API_TOKEN);
  });

  it('repeated, erases what a crash left behind and makes no version', async () => {
    const { tenant } = await hub.json('create leftover');
    await connect('leftover');
    hub.secretsManager.mode = 'error';
    const failed = await hub.run('disconnect-okta leftover');
    hub.secretsManager.mode = 'ok';
    expect(failed.code).toBe(69);
    expect(failed.err).toContain('not erased yet');
    const { version, settings } = await hub.json('show leftover');
    expect(settings.okta).toBeNull();
    expect(await readOktaSecret(store, tenant.id)).not.toBeNull();
    expect((await hub.run('disconnect-okta leftover')).out).toContain('is not connected to Okta');
    expect(await readOktaSecret(store, tenant.id)).toBeNull();
    expect((await hub.json('show leftover')).version).toBe(version);
  });
});

describe('the brake on the command line', () => {
  it('is on by default, set figure by figure, switched off, and on again', async () => {
    await hub.json('create braked');
    expect((await hub.run('show braked')).out).toMatch(/Brake +holds .* beyond 10 % \(at least 20\) within 10 minutes/);
    const set = await hub.json('configure braked --brake-percent 2.5 --brake-window 30');
    expect(set.settings.brake).toEqual({ ...DEFAULT_BRAKE, percent: 2.5, windowMinutes: 30 });
    const off = await hub.json('configure braked --no-brake');
    expect(off.settings.brake).toBeNull();
    expect((await hub.run('show braked')).out).toMatch(/Brake +off\n/);
    expect((await hub.run('list')).out).toMatch(/braked .*brake off/);
    const untouched = await hub.json('configure braked --scim on');
    expect(untouched.settings.brake).toBeNull();
    const on = await hub.json('configure braked --brake-at-least 5 --brake-hold 48');
    expect(on.settings.brake).toEqual({ ...DEFAULT_BRAKE, atLeast: 5, holdHours: 48 });
    expect((await hub.json('configure braked --brake-hold 48')).version).toBe(on.version);
  });

  it('refuses what makes no sense', async () => {
    await hub.json('create senseless');
    const { code, err } = await hub.run(
      'configure senseless --brake-percent 101 --brake-at-least 0 --brake-window 1.5 --brake-hold 1000',
    );
    expect(code).toBe(1);
    expect(err.trim().split('\n')).toHaveLength(4);
    for (const args of ['--brake-percent lots', '--no-brake --brake-percent 5'])
      expect((await hub.run(`configure senseless ${args}`)).code).toBe(64);
    expect((await hub.json('show senseless')).settings.brake).toEqual(DEFAULT_BRAKE);
  });
});
