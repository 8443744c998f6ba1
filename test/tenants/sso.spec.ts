/** `connect-sso` and `disconnect-sso`: what is stored where, and what is shown when. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { oidcSecretName, readOidcSecret, SecretStore } from '#secrets';
import { runCli } from '../../apps/integration-hub/src/cli.js';
import { HubUnderTest, type HubAnswer } from './hub.js';

const CLIENT_SECRET = 'oidc-client-secret-AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHHIIIIJJJJKKKK';
const ISSUER = 'https://acme.okta.com';

let hub: HubUnderTest;
let folder: string;
let file: string;
let store: SecretStore;
beforeAll(async () => {
  hub = await HubUnderTest.start();
  folder = mkdtempSync(path.join(tmpdir(), 'sso-'));
  file = path.join(folder, 'secret');
  writeFileSync(file, `${CLIENT_SECRET}\n`);
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

type Connected = HubAnswer & { changed: string[]; redirectUri?: string };
const flags = (where = file): string => `--client-id 0oa1client --client-secret-file ${where}`;
const connect = (slug: string, more = ''): Promise<Connected> => hub.json(`connect-sso ${slug} ${flags()}${more}`);

describe('npm run tenant -- connect-sso', () => {
  it('says what the OIDC app in Okta must name, at the host of the tenant', async () => {
    await hub.json('create words --host words.example.com');
    const { code, out, err } = await hub.run(`connect-sso words ${flags()} --issuer ${ISSUER}/oauth2/default`);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/Sign-in redirect URIs +https:\/\/words\.example\.com\/auth\/okta\/callback\n/);
    expect(out).toMatch(/Sign-out redirect URIs +https:\/\/words\.example\.com\/\n/);
    expect(out).toMatch(/Logout endpoint URL .* https:\/\/words\.example\.com\/auth\/okta\/universal-logout\n/);
    expect((await hub.run('show words')).out).toMatch(
      /Sign-in +https:\/\/acme\.okta\.com\/oauth2\/default, client 0oa1client\n/,
    );
    expect((await hub.run('list')).out).toMatch(/words .*sign-in on/);
  });

  it('publishes issuer and client, keeps the secret in the secret store alone and shows it nowhere (P5)', async () => {
    const { tenant } = await hub.json('create secretive');
    const connected = await connect('secretive', ` --issuer ${ISSUER}`);
    expect(connected).toMatchObject({
      settings: { sso: { issuer: ISSUER, clientId: '0oa1client' } },
      changed: ['sso', 'ssoClientSecret'],
      redirectUri: 'http://localhost:8080/auth/okta/callback',
      published: true,
    });
    expect((await hub.events(tenant.id)).at(-1)).toEqual({ sequence: connected.version, data: connected.settings });
    expect(await readOidcSecret(store, tenant.id)).toBe(CLIENT_SECRET);
    const tables = await hub.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('hub', 'bus')`,
    );
    expect(tables.length).toBeGreaterThan(3);
    for (const { name } of tables)
      expect([name, await hub.query(`select 1 from ${name} t where t::text like '%' || $1 || '%'`, [CLIENT_SECRET])]) //
        .toEqual([name, []]);
    for (const verb of [`connect-sso secretive ${flags()}`, 'show secretive', 'show secretive --json', 'list --json'])
      expect((await hub.run(verb)).out).not.toContain(CLIENT_SECRET);
    const audit = await hub.query<{ action: string }>(
      'select action from hub.admin_audit where tenant_id = $1 order by at desc limit 1',
      [tenant.id],
    );
    expect(audit).toEqual([{ action: 'connect-sso' }]);
  });

  it('takes the issuer of the connected org, keeps the one in force, and asks when it knows none', async () => {
    await hub.json('create unnamed');
    const refused = await hub.run(`connect-sso unnamed ${flags()}`);
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('--issuer https://your-org.okta.com')]);
    const token = path.join(folder, 'token');
    writeFileSync(token, '00aaaabbbbccccddddeeeeffffgggghhhhiiiijjjj');
    await hub.json(
      `connect-okta unnamed --domain org.okta.com --app-id 0oa1234567890abcdefg --api-token-file ${token}`,
    );
    expect((await connect('unnamed')).settings.sso).toEqual({ issuer: 'https://org.okta.com', clientId: '0oa1client' });
    await connect('unnamed', ' --issuer https://org.okta.com/oauth2/default');
    expect((await connect('unnamed')).settings.sso).toMatchObject({ issuer: 'https://org.okta.com/oauth2/default' });
  });

  it('is a new version also when only the secret is another one: its event tells who has the old one in memory', async () => {
    await hub.json('create again');
    const first = await connect('again', ` --issuer ${ISSUER}`);
    const second = await connect('again');
    expect([second.version, second.changed]).toEqual([first.version + 1, ['ssoClientSecret']]);
  });

  it('reads the secret from standard input', async () => {
    const { tenant } = await hub.json('create piped');
    const args = `connect-sso piped ${flags('-')} --issuer ${ISSUER}`.split(' ');
    const nothing = (): void => undefined;
    const stdin = Readable.from(['piped-client-', 'secret\n']);
    expect(await runCli(args, { env: hub.env, stdin, out: nothing, err: nothing })).toBe(0);
    expect(await readOidcSecret(store, tenant.id)).toBe('piped-client-secret');
  });

  it('refuses what cannot be meant, before a secret is written, and quotes no secret', async () => {
    const { tenant } = await hub.json('create careful');
    const wrong = path.join(folder, 'wrong');
    writeFileSync(wrong, 'do not-print-me');
    const refusals = [
      [`${flags(wrong)} --issuer ${ISSUER}`, 'holds no client secret'],
      [`${flags()} --issuer http://acme.okta.com`, 'is not an Okta issuer'],
      [`--client-id a/b --client-secret-file ${file} --issuer ${ISSUER}`, 'is not an OIDC client id'],
    ] as const;
    for (const [args, sentence] of refusals) {
      const { code, err } = await hub.run(`connect-sso careful ${args}`);
      expect([code, err]).toEqual([1, expect.stringContaining(sentence)]);
      expect(err).not.toContain('do not-print-me');
    }
    expect(hub.secretsManager.values(oidcSecretName(tenant.id))).toEqual([]);
  });

  it('after a crash between secret and settings is completed by repeating it', async () => {
    const { tenant } = await hub.json('create crashed');
    hub.secretsManager.mode = 'mute'; // does what it is asked and never answers: as if the process ended there
    const crashed = await hub.run(`connect-sso crashed ${flags()} --issuer ${ISSUER}`);
    hub.secretsManager.mode = 'ok';
    expect([crashed.code, crashed.err]).toEqual([69, expect.stringContaining('was not connected')]);
    expect((await hub.json('show crashed')).settings.sso).toBeNull();
    await connect('crashed', ` --issuer ${ISSUER}`);
    expect(await readOidcSecret(store, tenant.id)).toBe(CLIENT_SECRET);
  });
});

describe('npm run tenant -- disconnect-sso', () => {
  it('erases the secret after the settings tell of it, at both stages', async () => {
    const { tenant } = await hub.json('create leaving');
    await connect('leaving', ` --issuer ${ISSUER}`);
    const left = await hub.json<Connected>('disconnect-sso leaving');
    expect(left).toMatchObject({ settings: { sso: null }, changed: ['sso'], published: true });
    expect(left.redirectUri).toBeUndefined();
    expect(await readOidcSecret(store, tenant.id)).toBeNull();
    expect(await store.read(oidcSecretName(tenant.id), 'AWSPREVIOUS')).not.toContain(CLIENT_SECRET);
  });

  it('repeated, erases what a crash left behind, makes no version, and leaves the connection to Okta alone', async () => {
    const { tenant } = await hub.json('create leftover');
    await connect('leftover', ` --issuer ${ISSUER}`);
    hub.secretsManager.mode = 'error';
    const failed = await hub.run('disconnect-sso leftover');
    hub.secretsManager.mode = 'ok';
    expect([failed.code, failed.err]).toEqual([69, expect.stringContaining('not erased yet')]);
    const { version } = await hub.json('show leftover');
    expect(await readOidcSecret(store, tenant.id)).toBe(CLIENT_SECRET);
    expect((await hub.run('disconnect-sso leftover')).out).toContain('has no sign-in through Okta');
    expect(await readOidcSecret(store, tenant.id)).toBeNull();
    expect((await hub.json('show leftover')).version).toBe(version);
  });
});
