/** `stackflow tenants` against a running integration-hub: what it prints, what it refuses, where secrets come from. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseScimToken } from '#secrets';
import type { HubTenant, Json, OktaConnected, ScimTokenIssued } from '#contracts';
import { TOKEN } from '../support/internal-api.js';
import { HubUnderTest } from '../tenants/hub.js';
import { runStackflow, stackflowJson } from '../support/command-line.js';

const API_TOKEN = '00aaaabbbbccccddddeeeeffffgggghhhhiiiijjjj';
const CLIENT_SECRET = 'oidc-client-secret-AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHHIIIIJJJJKKKK';
const SCIM_TOKEN = /sfs1\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}/g;
const HOOK_SECRET = /sfh1\.[A-Za-z0-9_-]{43}/g;

let hub: HubUnderTest;
let folder: string;
beforeAll(async () => {
  hub = await HubUnderTest.start();
  folder = mkdtempSync(path.join(tmpdir(), 'tenants-'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await hub.stop();
});

const env = () => ({
  INTEGRATION_HUB_URL: hub.service.url,
  INTERNAL_API_CREDENTIAL: TOKEN,
  STACKFLOW_OPERATOR: 'jane',
});
const runArgs = (args: readonly string[], stdin = '') => runStackflow(['tenants', ...args], env(), stdin);
const run = (args: string, stdin = '') => runArgs(args.split(' '), stdin);
const json = <T>(args: string, stdin = '') => stackflowJson<T>(['tenants', ...args.split(' ')], env(), stdin);
const show = (slug: string) => json<Json<HubTenant>>(`show ${slug}`);
const file = (name: string, content: string): string => {
  const where = path.join(folder, name);
  writeFileSync(where, content);
  return where;
};
const secretsIn = (text: string, form: RegExp): string[] => [...new Set(text.match(form) ?? [])];

describe('before there is a tenant', () => {
  it('says so, and how to create one', async () => {
    expect(await run('list')).toMatchObject({
      code: 0,
      out: expect.stringContaining('npm run stackflow -- tenants create <slug>'),
    });
    expect(await run('show')).toMatchObject({ code: 1, err: expect.stringContaining('There is no tenant yet') });
  });
});

describe('create and rotate-token', () => {
  it('says what to enter in Okta, in the words of the product page, and shows the token', async () => {
    const { code, out, err } = await run('create words --host words.example.com');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    for (const line of [
      /SCIM Connector Base URL +https:\/\/words\.example\.com\/prod\/api\/scim\/v2\n/,
      /Unique identifier field +userName\n/,
      /Authentication Mode +HTTP Header\n/,
      /Authorization: Bearer +sfs1\./,
    ])
      expect(out).toMatch(line);
    expect(out).toContain('Push New Users, Push Profile Updates, Push Groups, Deactivate Users');
    expect(out).toContain('npm run stackflow -- tenants configure words --scim on');
    expect(secretsIn(out, SCIM_TOKEN)).toHaveLength(1);
  });

  it('uses the only tenant without its name, and says which it is', async () => {
    const { code, out } = await run('show');
    expect([code, out]).toEqual([0, expect.stringMatching(/^ +Tenant +words \(/)]);
    expect((await run('rotate-token --grace 1h')).out).toMatch(/^Tenant "words" has a new SCIM token\./);
  });

  it('never guesses between several tenants', async () => {
    await json('create second');
    for (const command of ['show', 'configure --scim on', 'rotate-token', 'disconnect-okta']) {
      const { code, err } = await run(command);
      expect([command, code, err]).toEqual([command, 64, expect.stringContaining('words')]);
      expect(err).toContain('second');
    }
    expect((await run('show --tenant second')).out).toContain('second (');
    expect(await run('show words --tenant second')).toMatchObject({ code: 64 });
  });

  it('repeated, says that the tenant exists and issues no second token', async () => {
    const first = await json<Json<ScimTokenIssued>>('create twice --enable-scim');
    expect(parseScimToken(first.scimToken?.secret ?? '')?.tenantId).toBe(first.tenant.id);
    expect(first).toMatchObject({ published: true, tenant: { settings: { scimEnabled: true } } });
    const again = await run('create twice');
    expect(again).toMatchObject({ code: 1, out: '' });
    expect(again.err).toContain('exists');
    expect(again.err).toContain('rotate-token twice');
    const quiet = await run('create twice --if-missing');
    expect(quiet.code).toBe(0);
    expect(secretsIn(quiet.out, SCIM_TOKEN)).toEqual([]);
    expect((await show('twice')).version).toBe(first.tenant.version);
  });

  it('says until when the previous token is valid', async () => {
    expect((await run('rotate-token twice --grace 2h')).out).toMatch(/The previous token stays valid until 20\S+Z;/);
    expect((await run('rotate-token twice --grace 0')).out).not.toContain('previous');
  });

  it('passes on why a name or a host is refused', async () => {
    const name = await runArgs(['create', '--', 'Acme']);
    expect(name).toMatchObject({ code: 1, err: expect.stringContaining('lower-case letters, digits and hyphens') });
    expect((await run('create host1 --host WORDS.example.com')).err).toContain('belongs to another tenant');
    expect((await run('show host1')).code).toBe(1);
    expect((await run('create host2 --host https://x.example.com/')).err).toContain('without https://');
  });

  it('keeps the administrator in the audit: --by, or STACKFLOW_OPERATOR', async () => {
    await json('create audited --by grace');
    await json('configure audited --scim on');
    const audit = await hub.client.audit('audited');
    expect(audit.entries.map(({ by }) => by)).toEqual(['cli: jane', 'cli: grace', 'cli: grace']);
  });

  it('changes nothing for nobody: without a name only a local stack believes the logged-in user', async () => {
    const nobody = { ...env(), STACKFLOW_OPERATOR: '' };
    const refused = await runStackflow(['tenants', 'create', 'anonymous'], nobody);
    expect(refused).toMatchObject({ code: 64, err: expect.stringContaining('--by <name> or STACKFLOW_OPERATOR') });
    expect((await hub.client.tenants()).tenants.map(({ slug }) => slug)).not.toContain('anonymous');
  });
});

describe('configure', () => {
  it('changes what is named and prints the result', async () => {
    await json('create conf');
    const { out } = await run('configure conf --scim on --group-sync off --deactivate-on-offboard off');
    expect(out).toMatch(/^Changed for "conf": .*\(settings version 3\)\.\n/);
    expect(out).toMatch(/SCIM Enabled +on\n/);
    expect(out).toMatch(/Group Sync +off\n/);
    const again = await run('configure conf --scim on --map stackflow-admins=super_admin');
    expect(again).toMatchObject({ code: 0, out: expect.stringContaining('Nothing to change') });
  });

  it('maps and unmaps groups by name and by id', async () => {
    const id = '0198aaaa-0000-7000-8000-000000000001';
    await runArgs(['configure', 'conf', '--map', 'Night shift = west=viewer', '--map-id', `${id}=itsm_agent`]);
    expect((await show('conf')).settings.roleMappings.slice(4)).toEqual([
      { group: { name: 'Night shift = west' }, role: 'viewer' },
      { group: { id }, role: 'itsm_agent' },
    ]);
    expect((await run('show conf')).out).toMatch(/^ +Night shift = west +viewer$/m);
    await runArgs(['configure', 'conf', '--unmap', 'NIGHT SHIFT = west', '--unmap', id]);
    expect((await show('conf')).settings.roleMappings).toHaveLength(4);
  });

  it('names everything that is wrong, and changes nothing', async () => {
    const before = await show('conf');
    const { code, err } = await run(
      'configure conf --scim off --map Finance=accountant --map-id 7=viewer --unmap Nobody',
    );
    expect(code).toBe(1);
    for (const text of ['"accountant"', 'super_admin, itsm_manager, itsm_agent, viewer', '"7" is not a group id'])
      expect(err).toContain(text);
    expect(err).toContain('Nothing to unmap: the group "Nobody"');
    expect(await show('conf')).toEqual(before);
  });

  it('sets the brake figure by figure, switches it off, and takes a host back', async () => {
    await json('create braked --host braked.example.com');
    expect((await run('show braked')).out).toMatch(
      /Brake +10 % of the active accounts \(at least 20 people\) may lose access within 10 minutes;/,
    );
    await json('configure braked --brake-percent 2.5 --brake-window 30');
    expect((await show('braked')).settings.brake).toMatchObject({ percent: 2.5, windowMinutes: 30 });
    await json('configure braked --no-brake --no-host');
    expect((await run('show braked')).out).toMatch(/Brake +off\n/);
    expect((await show('braked')).host).toBeNull();
    expect((await run('list')).out).toMatch(/^braked +off +- +off/m);
    const { code, err } = await run('configure braked --brake-percent 101 --brake-at-least 0');
    expect([code, err.trim().split('\n').length]).toEqual([1, 2]);
  });
});

describe('connect-okta', () => {
  const flags = (where: string): string =>
    `--domain acme.okta.com --app-id 0oa1234567890abcdefg --api-token-file ${where}`;

  it('says what to enter in Okta and shows the hook secret, once', async () => {
    await json('create okta');
    const token = file('token', `${API_TOKEN}\n`);
    const first = await run(`connect-okta okta ${flags(token)}`);
    expect(first.code).toBe(0);
    expect(first.out).toMatch(/Endpoint URL +http:\/\/localhost:8080\/auth\/okta\/event-hook\/okta\n/);
    expect(first.out).toMatch(/Authentication field +Authorization\n/);
    expect(first.out).toContain('user.lifecycle.suspend');
    expect(first.out).toContain('is stored, but has not been used yet');
    expect(secretsIn(first.out, HOOK_SECRET)).toHaveLength(1);
    const again = await run(`connect-okta okta ${flags(token)}`);
    expect(secretsIn(again.out, HOOK_SECRET)).toEqual([]);
    expect(again.out).toContain('--rotate-hook-secret');
    const rotated = await json<Json<OktaConnected>>(
      `connect-okta okta ${flags(token)} --rotate-hook-secret --grace 2h`,
    );
    expect(rotated.hookSecret?.secret).toMatch(HOOK_SECRET);
    expect((await run('show okta')).out).toMatch(/Okta +acme\.okta\.com, app 0oa1234567890abcdefg\n/);
    expect((await run('list')).out).toMatch(/^okta .*acme\.okta\.com/m);
    for (const command of ['show okta', 'list', 'show okta --json', 'list --json']) {
      const { out } = await run(command);
      expect(out).not.toContain(API_TOKEN);
      expect(secretsIn(out, HOOK_SECRET)).toEqual([]);
    }
    expect((await run('disconnect-okta okta')).out).toContain('deleted here');
    expect((await run('disconnect-okta okta')).out).toContain('is not connected to Okta');
  });

  it('takes the token from standard input, never from an argument', async () => {
    const { code, out } = await run(`connect-okta okta ${flags('-')}`, '00from-stdin-aaaa\n');
    expect(code).toBe(0);
    expect(out).not.toContain('00from-stdin');
    expect((await run(`connect-okta okta ${flags('-')} --api-token ${API_TOKEN}`)).code).toBe(64);
  });

  it.each([
    ['SSWS in front', `SSWS ${API_TOKEN}`, 'on one line'],
    ['two lines', `${API_TOKEN}\n${API_TOKEN}`, 'on one line'],
    ['nothing', '', 'it is empty'],
    ['something too short', 'sec', 'It has 3 characters, but must have 10 to 512'],
    ['something endless', 'a'.repeat(100_000), 'must have 10 to 512'],
  ])('refuses a token file with %s, says the rule, and does not quote it', async (_, content, rule) => {
    await json('create picky --if-missing');
    const { code, out, err } = await run(`connect-okta picky ${flags(file('bad', content))}`);
    expect(code).toBe(1);
    expect(err).toContain('contains no valid API token');
    expect(err).toContain(rule);
    expect(out + err).not.toContain(API_TOKEN);
    expect((await show('picky')).settings.okta).toBeNull();
  });

  it('says which file, which tenant and which secret store is missing', async () => {
    await json('create lost');
    const token = file('token', API_TOKEN);
    expect((await run(`connect-okta lost ${flags('/nonexistent')}`)).err).toContain('/nonexistent cannot be read');
    expect((await run(`connect-okta nobody ${flags(token)}`)).err).toContain('There is no tenant "nobody"');
    hub.secretsManager.mode = 'error';
    const { code } = await run(`connect-okta lost ${flags(token)}`);
    hub.secretsManager.mode = 'ok';
    expect(code).toBe(69);
    expect((await show('lost')).settings.okta).toBeNull();
  });
});

describe('connect-sso', () => {
  it('says what the OIDC app in Okta must name, at the host of the tenant', async () => {
    const secret = file('secret', `${CLIENT_SECRET}\n`);
    const flags = `--client-id 0oa1client --client-secret-file ${secret}`;
    const { code, out, err } = await run(`connect-sso words ${flags} --issuer https://acme.okta.com/oauth2/default`);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/Sign-in redirect URIs +https:\/\/words\.example\.com\/auth\/okta\/callback\n/);
    expect(out).toMatch(/Sign-out redirect URIs +https:\/\/words\.example\.com\/\n/);
    expect(out).toMatch(/Logout endpoint URL .* https:\/\/words\.example\.com\/auth\/okta\/universal-logout\n/);
    const shown = (await run('show words')).out;
    expect(shown).toMatch(/Sign-in +https:\/\/acme\.okta\.com\/oauth2\/default, client 0oa1client\n/);
    expect(shown).toMatch(/Sign-in redirect URI +https:\/\/words\.example\.com\/auth\/okta\/callback\n/);
    for (const command of ['show words', 'show words --json', 'list --json'])
      expect((await run(command)).out).not.toContain(CLIENT_SECRET);
    expect((await run('disconnect-sso words')).out).toContain('The client secret is deleted here');
    expect((await run('disconnect-sso words')).out).toContain('has no sign-in through Okta');
  });

  it('reads the secret from standard input, and asks for an issuer that it does not know', async () => {
    const refused = await run('connect-sso lost --client-id 0oa1client --client-secret-file -', CLIENT_SECRET);
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('--issuer https://your-org.okta.com')]);
    const bad = await run('connect-sso lost --client-id 0oa1client --client-secret-file -', 'do not-print-me');
    expect([bad.code, bad.err]).toEqual([1, expect.stringContaining('contains no valid client secret')]);
    expect(bad.err).not.toContain('do not-print-me');
  });

  it('prints no address of another tenant, and warns on standard error', async () => {
    await json('create hostless');
    const flags = '--client-id 0oa1client --client-secret-file - --issuer https://acme.okta.com';
    const { code, out, err } = await run(`connect-sso hostless ${flags}`, CLIENT_SECRET);
    expect(code).toBe(0);
    expect(out).not.toContain('/auth/okta/login');
    expect(err).toMatch(/^Warning: "hostless" has no host name of its own/);
    expect(err).toContain('npm run stackflow -- tenants configure hostless --host <name>');
  });
});

describe('in general', () => {
  it('knows no tenant that is not there', async () => {
    for (const command of ['show ghost', 'configure ghost --scim on', 'rotate-token ghost'])
      expect([command, await run(command)]).toEqual([
        command,
        { code: 1, out: '', err: expect.stringContaining('There is no tenant "ghost"') },
      ]);
  });

  it.each([
    'configure x --scim maybe',
    'rotate-token x --grace soon',
    'rotate-token x --grace 24',
    'rotate-token x --grace 31d',
    'configure x --map viewer',
    'configure x --brake-percent lots',
    'configure x --no-brake --brake-percent 5',
    'configure words',
    'create',
    'destroy x',
  ])('refuses "%s" as wrong usage', async (args) => {
    const { code, err } = await run(args);
    expect(code).toBe(64);
    expect(err).toMatch(/error: /);
  });

  it('ends with 75 if a change is stored, but its event is not published yet', async () => {
    const impatient = await hub.replica({ PUBLISH_TIMEOUT_MS: '300' });
    await hub.query('revoke insert on bus.event_log from integration_hub');
    try {
      const { code, out, err } = await runStackflow(['tenants', 'create', 'later'], {
        ...env(),
        INTEGRATION_HUB_URL: impatient.service.url,
      });
      expect([code, out]).toEqual([75, expect.stringContaining('Tenant "later" is created.')]);
      expect(err).toContain('The event is published automatically later');
    } finally {
      await hub.query('grant insert on bus.event_log to integration_hub');
      await impatient.stop();
    }
  });
});
