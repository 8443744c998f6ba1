/** `stackflow exchange` against a running auth-service. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { exportJWK } from 'jose';
import { assertion, basic, byKey, clientKey, formOf, jwksOf, exchangeRig } from '../auth/exchange-rig.js';
import { runStackflow } from '../support/command-line.js';
import { TOKEN } from '../support/internal-api.js';

const rig = await exchangeRig();
const folder = mkdtempSync(path.join(tmpdir(), 'exchange-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

const run = (args: string) =>
  runStackflow(['exchange', ...args.split(' '), '--url', `auth-service=${rig.service.url}`], {
    INTERNAL_API_CREDENTIAL: TOKEN,
    STACKFLOW_OPERATOR: 'ops',
  });

async function json(args: string): Promise<Record<string, unknown>> {
  const { code, out, err } = await run(`${args} --json`);
  if (code !== 0) throw new Error(`"${args}" ended with ${code}: ${err}`);
  return JSON.parse(out) as Record<string, unknown>;
}

function jwksFile(content: unknown): string {
  const file = path.join(folder, `${randomUUID()}.json`);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

const exchange = (id: string, secret: unknown): Promise<number> =>
  rig.exchange(formOf(rig.accessToken(), 'access_token'), basic(id, String(secret))).then((a) => a.status);

describe('stackflow exchange', () => {
  it('registers a client, and says all that its team has to know, the secret once', async () => {
    const { code, out, err } = await run('add invoices --audience incidents --audience payroll --by ops');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/Client id +invoices\n/);
    expect(out).toMatch(/Token endpoint +POST http:\/\/localhost:8080\/auth\/okta\/obo\/token\n/);
    expect(out).toMatch(/Tenants +default\n/);
    expect(out).toMatch(/Audiences +incidents, payroll\n/);
    const secret = /Client secret +([\w-]{43})\n/.exec(out)?.[1];
    expect(out).toContain('shown only now');
    expect(await exchange('invoices', secret)).toBe(200);
    const idToken = await rig.exchange(formOf(rig.idToken(), 'id_token'), basic('invoices', secret ?? ''));
    expect(idToken.body.error).toBe('unauthorized_client');
    for (const look of ['show invoices', 'show invoices --json', 'list', 'list --json', 'change invoices --audience a'])
      expect((await run(look)).out).not.toContain(secret);
    expect(await rig.lastAudit('exchange_client')).toMatchObject({ code: 'changed' });
    expect((await run('list')).out).toMatch(/invoices +default +a +access_token +client_secret_basic/);
  });

  it('changes what is named and nothing else', async () => {
    const { clientSecret } = await json('add careful --audience incidents --id-tokens --kinds access_token');
    expect(await json('show careful')).toMatchObject({ tokenKinds: ['access_token', 'id_token'] });
    await json('change careful --kinds org_access_token');
    expect(await json('show careful')).toMatchObject({
      audiences: ['incidents'],
      tenants: [rig.tenant],
      tokenKinds: ['org_access_token', 'id_token'],
    });
    expect(await json('change careful --no-id-tokens --kinds access_token')).toMatchObject({ clientSecret: null });
    expect(await json('show careful')).toMatchObject({ tokenKinds: ['access_token'] });
    expect(await exchange('careful', clientSecret)).toBe(200);
    expect(await json('change careful --id-tokens')).toMatchObject({ tokenKinds: ['access_token', 'id_token'] });
  });

  it('takes tenants by slug or id, several of them', async () => {
    const gamma = await rig.auth.addTenant('gamma', 'gamma.example.com');
    const made = await json(`add wide --audience incidents --tenant default,${gamma}`);
    expect(made).toMatchObject({
      tenants: [rig.tenant, gamma],
      endpoints: [expect.stringContaining('localhost'), 'https://gamma.example.com/auth/okta/obo/token'],
    });
    const { code, err } = await run('add nowhere --audience incidents --tenant default,delta');
    expect([code, err]).toEqual([1, expect.stringContaining('There is no tenant "delta"')]);
  });

  it('registers keys in place of a secret', async () => {
    const made = await json(`add keyed --tenant default --audience incidents --jwks-file ${jwksFile(await jwksOf())}`);
    expect(made).toMatchObject({ authentication: 'private_key_jwt', clientSecret: null });
    const proof = byKey(await assertion({ iss: 'keyed', sub: 'keyed' }));
    expect((await rig.exchange(formOf(rig.accessToken(), 'access_token', proof), {})).status).toBe(200);
    expect(await json('change keyed --audience incidents --audience b')).toMatchObject({
      authentication: 'private_key_jwt',
      audiences: ['incidents', 'b'],
    });
    const { code, err } = await run('rotate-secret keyed');
    expect([code, err]).toEqual([1, expect.stringContaining('authenticates with its own keys')]);
  });

  it('rotates a secret with a grace and without, and removes a client', async () => {
    const { clientSecret: first } = await json('add turning --tenant default --audience incidents');
    const { out } = await run('rotate-secret turning --grace 1h');
    expect(out).toMatch(/stays valid until 20/);
    const second = /Client secret +([\w-]{43})\n/.exec(out)?.[1];
    expect([await exchange('turning', first), await exchange('turning', second)]).toEqual([200, 200]);
    expect((await run('show turning')).out).toMatch(/Previous secret +valid until 20/);
    const { clientSecret: third } = await json('rotate-secret turning --grace 0');
    expect([await exchange('turning', second), await exchange('turning', third)]).toEqual([401, 200]);
    expect((await run('remove turning')).out).toContain('is removed');
    expect(await exchange('turning', third)).toBe(401);
    expect(await run('show turning')).toMatchObject({
      code: 1,
      err: expect.stringContaining('no such client: "turning"'),
    });
  });

  it("names the custom authorization server of a tenant's access tokens", async () => {
    const server = '--issuer https://acme.okta.com/oauth2/aus1 --audience api://x --scope exchange';
    await json(`set-source ${server} --client-id 0oaone --client-id 0oatwo --tenant default`);
    expect(await json('source --tenant default')).toEqual({
      issuer: 'https://acme.okta.com/oauth2/aus1',
      audience: 'api://x',
      clientIds: ['0oaone', '0oatwo'],
      scope: 'exchange',
    });
    expect((await run('source --tenant default')).out).toMatch(/Apps in Okta +0oaone, 0oatwo\n/);
    expect(await rig.lastAudit('exchange_source')).toMatchObject({ code: 'changed', tenant: rig.tenant });
    const refused = await run(`set-source ${server.replace('acme', 'evil')} --client-id 0oaone --tenant default`);
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('must belong to the same Okta org')]);
    const org = await run(`set-source ${server.replace('/oauth2/aus1', '')} --client-id 0oaone --tenant default`);
    expect([org.code, org.err]).toEqual([1, expect.stringContaining('must be a custom authorization server')]);
    expect((await run('remove-source --tenant default')).out).toContain('accepts no access tokens of a custom');
    expect((await run('remove-source --tenant default')).code).toBe(1);
  });

  it('refuses what cannot be meant, before anything is registered, and says how it should be', async () => {
    const { d: _private, ...alone } = await exportJWK(clientKey.privateKey);
    const refusals = [
      ['add bad', 64, '--audience <name>'],
      ['add bad --tenant default --audience a --kinds id_token', 64, 'use --id-tokens'],
      ['add bad --tenant default --audience a --jwks-file /nowhere/at/all', 64, 'cannot be read'],
      [`add bad --tenant default --audience a --jwks-file ${jwksFile('no json')}`, 64, 'is not a JWKS'],
      [`add bad --tenant default --audience a --jwks-file ${jwksFile(alone)}`, 64, 'is not a JWKS'],
      [
        `add bad --tenant default --audience a --jwks-file ${jwksFile({ keys: [await exportJWK(clientKey.privateKey)] })}`,
        1,
        'no private key',
      ],
      ['add BAD --tenant default --audience a', 1, 'id must be'],
      ['add bad --tenant default --audience a,b', 1, 'name each audience separately'],
      ['add billing --tenant default --audience a', 1, 'The client "billing" already exists'],
      ['change careful', 64, 'say what to change'],
      ['add bad --audience a', 64, 'there are several tenants: default, gamma'],
      ['change nobody --audience a', 1, 'no such client: "nobody"'],
      ['rotate-secret billing --grace soon', 64, '24h'],
    ] as const;
    for (const [args, code, sentence] of refusals)
      expect([args, await run(args)]).toEqual([
        args,
        { code, out: '', err: expect.stringContaining(sentence) as string },
      ]);
    expect((await run('show bad')).code).toBe(1);
    expect((await run('--help')).out).toContain('rotate-secret');
  });
});
