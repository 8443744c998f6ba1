/** The internal API for accounts, and `stackflow accounts` over it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { randomUUID } from 'node:crypto';
import type { AccountList, Json, Reason } from '#contracts';
import { runStackflow } from '../support/command-line.js';
import type { Group, Person, Tenant } from '../support/identity-directory.js';
import { IdentityRig } from '../support/identity.js';
import { stackSecrets, TOKEN } from '../support/internal-api.js';

describe('the internal API for accounts', () => {
  let rig: IdentityRig;
  let tenant: Tenant;
  let other: Tenant;
  let ada: Person;
  let group: Group;
  let folder: string;
  beforeAll(async () => {
    rig = await IdentityRig.start();
    await rig.startService();
    tenant = await rig.addTenant();
    other = await rig.addTenant();
    group = await rig.directory.addGroup(tenant, 'StackFlow-Agents');
    ada = await rig.directory.addPerson(tenant, 'Ada');
    await rig.quiet(); // The access is known before the join, so the group is the cause of the grant.
    await rig.directory.join(ada, group);
    for (let i = 0; i < 4; i++) await rig.directory.addPerson(tenant, `extra${i}`);
    await rig.quiet();
    folder = await mkdtemp(path.join(tmpdir(), 'stack-'));
    await writeFile(
      path.join(folder, 'stack.json'),
      JSON.stringify({ services: { 'identity-service': { url: await rig.app?.getUrl() } } }),
    );
    await writeFile(path.join(folder, 'secrets.json'), stackSecrets);
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
    await rig.close();
  });

  const base = (): string => `/internal/tenants/${tenant.id}/accounts`;
  const cli = (...args: string[]) => runStackflow(['accounts', ...args], { STACK_DIR: folder });

  const list = async (query: string, of = base()) => (await rig.http<Json<AccountList>>('GET', `${of}?${query}`)).body;
  const names = async (query: string): Promise<string[]> => (await list(query)).accounts.map((a) => a.userName);

  it('finds the account that a user name in any case, an Okta user id or an account id means', async () => {
    for (const who of ['ADA%40example.com', ada.externalId, ada.id, ada.id.toUpperCase()])
      expect((await list(`who=${who}`)).accounts.map((a) => a.id)).toEqual([ada.id]);
    expect((await list('who=nobody')).accounts).toEqual([]);
    expect((await list(`who=${randomUUID()}`)).accounts).toEqual([]);
  });

  it('finds the new owner of a user name that was freed by a removal', async () => {
    const third = await rig.addTenant();
    const old = await rig.directory.addPerson(third, 'reused');
    await rig.quiet();
    await rig.directory.remove(old);
    await rig.quiet();
    const path = `/internal/tenants/${third.id}/accounts`;
    expect((await list('who=reused@example.com', path)).accounts).toMatchObject([{ id: old.id, status: 'removed' }]);
    const fresh = await rig.directory.addPerson(third, 'reused');
    await rig.quiet();
    expect((await list('who=reused@example.com', path)).accounts.map((a) => a.id)).toEqual([fresh.id]);
  });

  it('lists accounts by user name, page by page', async () => {
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Json<AccountList> = await list(`limit=2${cursor && `&cursor=${cursor}`}`);
      expect(page.accounts.length).toBeLessThanOrEqual(2);
      seen.push(...page.accounts.map((a) => a.userName));
      cursor = page.next;
    }
    expect(seen).toEqual(['Ada', 'extra0', 'extra1', 'extra2', 'extra3'].map((name) => `${name}@example.com`));
  });

  it('lists only accounts with a role, with a text in their names or address, or with a failed update', async () => {
    expect(await names('role=itsm_agent')).toEqual([ada.userName]);
    expect(await names('role=viewer')).toEqual([]);
    expect(await names('text=EXTRA2')).toEqual(['extra2@example.com']);
    expect(await names('text=person%20ada')).toEqual([ada.userName]);
    expect(await names('text=%25')).toEqual([]);
    expect(await names('failing=true')).toEqual([]);
    expect(await names('failing=false')).toHaveLength(5);
    const broken = await rig.directory.addPerson(other, 'broken');
    const refusal = { effect: 'error', error: 'InvalidParameterException', message: 'Never.' };
    await rig.quiet();
    await rig.cognito.fault({ ...refusal, operation: 'AdminUpdateUserAttributes', username: broken.id });
    await rig.directory.update(broken, { displayName: 'Broken' });
    await rig.quiet();
    const failing = await list('failing=true', `/internal/tenants/${other.id}/accounts`);
    expect(failing.accounts).toMatchObject([{ id: broken.id, cognito: { state: 'failing' } }]);
    await rig.cognito.noFaults();
  });

  it('shows nothing of one tenant under the path of another', async () => {
    for (const tail of ['', '/grants', '/explanation'])
      expect((await rig.http('GET', `/internal/tenants/${other.id}/accounts/${ada.id}${tail}`)).status).toBe(404);
    expect((await rig.http('POST', `/internal/tenants/${other.id}/accounts/${ada.id}/retry`)).status).toBe(404);
    expect((await list(`who=${ada.id}`, `/internal/tenants/${other.id}/accounts`)).accounts).toEqual([]);
    const third = await rig.addTenant();
    expect((await list('', `/internal/tenants/${third.id}/accounts`)).accounts).toEqual([]);
  });

  it('needs a credential, and answers every refusal as a problem document', async () => {
    const refused = await rig.http<{ code: string }>('GET', base(), 'wrong');
    expect([refused.status, refused.type, refused.body.code]).toEqual([
      401,
      expect.stringContaining('application/problem+json'),
      'unauthenticated',
    ]);
    for (const query of ['limit=0', 'limit=x', 'cursor=1', 'who=', 'surprise=1']) {
      const bad = await rig.http<{ code: string; detail: string }>('GET', `${base()}?${query}`);
      expect([query, bad.status, bad.body.code]).toEqual([query, 400, 'invalid_request']);
      expect(bad.body.detail).toContain(query.split('=')[0]);
    }
    expect((await rig.http('GET', '/internal/tenants/not-a-uuid/accounts')).status).toBe(400);
    expect((await rig.http<{ code: string }>('GET', `${base()}/${randomUUID()}`)).body.code).toBe('not_found');
  });

  it('answers with a problem document also for values, bodies and paths that it cannot read or find', async () => {
    const url = String(await rig.app?.getUrl());
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    for (const [method, path, status, code] of [
      ['GET', `${base()}?who=%00`, 400, 'invalid_request'],
      ['GET', '/nowhere', 404, 'not_found'],
      ['POST', '/internal/pool-comparison', 400, 'invalid_request'],
      ['GET', '/internal/%zz', 400, 'invalid_request'],
    ] as const) {
      const answer = await fetch(url + path, { method, headers, ...(method === 'POST' && { body: '{' }) });
      expect([path, answer.status, answer.headers.get('content-type')]).toEqual([
        path,
        status,
        expect.stringContaining('application/problem+json'),
      ]);
      expect(await answer.json()).toEqual({ type: 'about:blank', status, code, detail: expect.any(String) });
    }
    const health = await fetch(`${url}/health/live`);
    expect([health.status, await health.json()]).toEqual([200, { status: 'ok', checks: {} }]);
    expect((await fetch(`${url}/metrics`)).headers.get('content-type')).toContain('text/plain');
  });

  it('explains roles, and their absence, by codes with parameters; the command line by sentences', async () => {
    const reasons = async ({ id }: Person): Promise<Reason[]> =>
      (await rig.http<{ reasons: Reason[] }>('GET', `${base()}/${id}/explanation`)).body.reasons;
    const sentences = async ({ id }: Person): Promise<string> => (await cli('explain', id, '--tenant', tenant.id)).out;
    expect(await reasons(ada)).toEqual([
      { code: 'has_roles', parameters: { roles: ['itsm_agent'], primaryRole: 'itsm_agent', mappingVersion: 1 } },
      { code: 'group_gives_roles', parameters: { group: group.id, name: group.displayName, roles: ['itsm_agent'] } },
    ]);
    expect(await sentences(ada)).toContain('Group "StackFlow-Agents" gives itsm_agent.');
    const odd = await rig.directory.addPerson(tenant, 'odd');
    await rig.quiet();
    const unmapped = await rig.directory.addGroup(tenant, 'Everyone');
    await rig.directory.join(odd, unmapped);
    await rig.quiet();
    expect(await reasons(odd)).toEqual([{ code: 'no_mapped_group', parameters: { mappingVersion: 1 } }]);
    expect(await sentences(odd)).toMatch(/in no pushed group that mapping version 1 names.*press "Push now"/);
    await rig.directory.setActive(odd, false);
    await rig.quiet();
    expect((await reasons(odd))[0]).toEqual({ code: 'inactive', parameters: { assignedRoles: [] } });
    expect(await sentences(odd)).toContain(
      'the user is deactivated or suspended, or was never active; "npm run stackflow -- offboarding show odd@example.com"',
    );
  });

  it('lets the command line list, show, explain and retry', async () => {
    const list = await cli('list', '--tenant', tenant.settings.tenant.slug);
    expect(list).toMatchObject({ code: 0, err: '' });
    expect(list.out).toMatch(/Ada@example\.com +active +itsm_agent +synced/);
    const show = await cli('show', 'ada@EXAMPLE.com', '--tenant', tenant.id);
    expect(show.out).toMatch(/itsm_agent .*group\.members-changed \("StackFlow-Agents"\) +- /);
    const json = JSON.parse((await cli('show', String(ada.externalId), '--tenant', tenant.id, '--json')).out) as {
      id: string;
      grants: unknown[];
    };
    expect([json.id, json.grants.length]).toEqual([ada.id, 1]);
    expect((await cli('explain', ada.id, '--tenant', tenant.id)).out).toContain('gives itsm_agent');
    await rig.cognito.byHand('AdminRemoveUserFromGroup', { Username: ada.id, GroupName: 'itsm_agent' });
    expect((await cli('retry', ada.userName, '--tenant', tenant.id)).code).toBe(0);
    await rig.quiet();
    expect((await rig.cognito.user(ada.id))?.groups).toEqual(['itsm_agent']);
    expect((await cli('reconcile')).out).toMatch(/^Compared \d+ users of the pool\. 0 differ/);
  });

  it('lets the command line filter: failing ones, a role, a text', async () => {
    const found = async (...flags: string[]): Promise<string[]> => {
      const { out } = await cli('list', '--tenant', tenant.id, '--json', ...flags);
      return (JSON.parse(out) as { userName: string }[]).map(({ userName }) => userName);
    };
    expect(await found('--role', 'itsm_agent')).toEqual([ada.userName]);
    expect(await found('--text', 'EXTRA')).toHaveLength(4);
    expect(await found('--failing')).toEqual([]);
    expect((await cli('list', '--tenant', tenant.id, '--failing')).out).toBe('No account matches these filters.\n');
    expect((await cli('list', '--tenant', tenant.id, '--limit', '2')).out).toContain('and more; raise --limit');
  });

  it('gives the command line hints what to try when something is missing', async () => {
    expect(await cli('show', 'nobody', '--tenant', tenant.id)).toMatchObject({
      code: 1,
      err: expect.stringContaining('npm run stackflow -- accounts list'),
    });
    expect(await cli('list', '--tenant', 'nowhere')).toMatchObject({
      code: 1,
      err: expect.stringContaining(tenant.settings.tenant.slug),
    });
    const slugs = [tenant, other].map((t) => t.settings.tenant.slug);
    const unnamed = await cli('list');
    expect(unnamed).toMatchObject({ code: 64, err: expect.stringContaining('--tenant') });
    for (const slug of slugs) expect(unnamed.err).toContain(slug);
    expect(await cli('list', '--url', 'identity-service=http://127.0.0.1:1')).toMatchObject({
      code: 69,
      err: expect.stringContaining('npm start'),
    });
    expect(
      await runStackflow(['accounts', 'list', '--credential-file', '-'], { STACK_DIR: folder }, 'wrong\n'),
    ).toMatchObject({ code: 1, err: expect.stringContaining('INTERNAL_API_CREDENTIAL') });
    expect((await cli('list', '--token', 'wrong')).code).toBe(64);
    expect(await cli('frobnicate')).toMatchObject({ code: 64 });
    expect(await cli('list', '--limit', '0')).toMatchObject({ code: 64, err: expect.stringContaining('whole number') });
    expect(await cli('--help')).toMatchObject({ code: 0, out: expect.stringContaining('explain') });
    expect(await runStackflow(['accounts', 'list'], { STACK_DIR: path.join(folder, 'none') })).toMatchObject({
      code: 78,
      err: expect.stringContaining('No stack is running here'),
    });
  });
});
