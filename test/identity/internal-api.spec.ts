/** The internal API and the command line that speaks to it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { randomUUID } from 'node:crypto';
import { runCli } from '../../apps/identity-service/src/cli.js';
import type { Group, Person, Tenant } from './directory.js';
import { Rig, TOKEN } from './rig.js';

describe('what identity-service answers about accounts', () => {
  let rig: Rig;
  let tenant: Tenant;
  let other: Tenant;
  let ada: Person;
  let group: Group;
  let folder: string;
  beforeAll(async () => {
    rig = await Rig.start();
    await rig.startService();
    tenant = await rig.addTenant();
    other = await rig.addTenant();
    group = await rig.directory.addGroup(tenant, 'StackFlow-Agents');
    ada = await rig.directory.addPerson(tenant, 'Ada');
    await rig.quiet(); // her access, told on another topic, is known: so the group is the cause of the grant
    await rig.directory.join(ada, group);
    for (let i = 0; i < 4; i++) await rig.directory.addPerson(tenant, `extra${i}`);
    await rig.quiet();
    folder = await mkdtemp(path.join(tmpdir(), 'stack-'));
    await writeFile(
      path.join(folder, 'stack.json'),
      JSON.stringify({ services: { 'identity-service': { url: await rig.app?.getUrl() } } }),
    );
    await writeFile(path.join(folder, 'secrets.json'), JSON.stringify({ internalToken: TOKEN }));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
    await rig.close();
  });

  const base = (): string => `/internal/tenants/${tenant.id}/accounts`;
  const cli = async (...args: string[]): Promise<{ code: number; out: string; err: string }> => {
    const text = { out: '', err: '' };
    const code = await runCli(args, {
      env: { STACK_DIR: folder },
      out: (t) => (text.out += t),
      err: (t) => (text.err += t),
    });
    return { code, ...text };
  };

  it('finds accounts by user name in any case and by external id, page by page', async () => {
    const find = async (query: string) =>
      (await rig.http<{ accounts: { id: string }[]; next: string | null }>('GET', `${base()}?${query}`)).body;
    expect((await find('who=ADA%40example.com')).accounts.map((a) => a.id)).toEqual([ada.id]);
    expect((await find(`who=${ada.externalId}`)).accounts.map((a) => a.id)).toEqual([ada.id]);
    expect((await find('who=nobody')).accounts).toEqual([]);
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page = await find(`limit=2${cursor && `&cursor=${cursor}`}`);
      expect(page.accounts.length).toBeLessThanOrEqual(2);
      seen.push(...page.accounts.map((a) => a.id));
      cursor = page.next;
    }
    expect(new Set(seen).size).toBe(5);
    expect(seen).toHaveLength(5);
  });

  it('shows nothing of one tenant to a question about another', async () => {
    for (const tail of ['', '/grants', '/explanation'])
      expect((await rig.http('GET', `/internal/tenants/${other.id}/accounts/${ada.id}${tail}`)).status).toBe(404);
    expect((await rig.http('POST', `/internal/tenants/${other.id}/accounts/${ada.id}/retry`)).status).toBe(404);
    expect(
      (await rig.http<{ accounts: unknown[] }>('GET', `/internal/tenants/${other.id}/accounts`)).body.accounts,
    ).toEqual([]);
  });

  it('wants the service token, and answers every refusal as a problem', async () => {
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

  it('answers as a problem also what cannot be looked up, read or found', async () => {
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

  it('explains roles, and their absence, in words', async () => {
    const explain = async (person: Person): Promise<string[]> =>
      (await rig.http<{ reasons: string[] }>('GET', `${base()}/${person.id}/explanation`)).body.reasons;
    expect((await explain(ada)).join('\n')).toContain('Group "StackFlow-Agents" gives itsm_agent.');
    const odd = await rig.directory.addPerson(tenant, 'odd');
    await rig.quiet();
    expect((await explain(odd))[0]).toMatch(/in no group that Okta pushed.*"Push now" repeats it/);
    const unmapped = await rig.directory.addGroup(tenant, 'Everyone');
    await rig.directory.join(odd, unmapped);
    await rig.quiet();
    expect((await explain(odd))[0]).toContain('none of the user\'s groups ("Everyone") is mapped');
    await rig.directory.setActive(odd, false);
    await rig.quiet();
    expect((await explain(odd))[0]).toContain(
      'the user is deactivated or suspended, or was never active; "npm run offboarding -- show"',
    );
  });

  it('the command line lists, shows, explains and retries', async () => {
    const list = await cli('list', '--tenant', tenant.settings.tenant.slug);
    expect(list).toMatchObject({ code: 0, err: '' });
    expect(list.out).toMatch(/Ada@example\.com +active +itsm_agent +synced/);
    const show = await cli('show', 'ada@EXAMPLE.com', '--tenant', tenant.id);
    expect(show.out).toMatch(/itsm_agent .*user\.joined-group \("StackFlow-Agents"\) +- /);
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

  it('the command line says what to try when something is missing', async () => {
    expect(await cli('show', 'nobody', '--tenant', tenant.id)).toMatchObject({
      code: 1,
      err: expect.stringContaining('npm run accounts -- list'),
    });
    expect(await cli('list', '--tenant', 'nowhere')).toMatchObject({
      code: 1,
      err: expect.stringContaining(tenant.settings.tenant.slug),
    });
    expect(await cli('list')).toMatchObject({ code: 1, err: expect.stringContaining('--tenant') });
    expect(await cli('list', '--url', 'http://127.0.0.1:1')).toMatchObject({
      code: 69,
      err: expect.stringContaining('npm start'),
    });
    expect(await cli('list', '--token', 'wrong')).toMatchObject({
      code: 1,
      err: expect.stringContaining('INTERNAL_API_TOKEN'),
    });
    expect(await cli('frobnicate')).toMatchObject({ code: 64 });
    expect(await cli('list', '--limit', '0')).toMatchObject({ code: 64, err: expect.stringContaining('whole number') });
    expect(await cli('--help')).toMatchObject({ code: 0, out: expect.stringContaining('explain') });
    const err: string[] = [];
    expect(
      await runCli(['list'], {
        env: { STACK_DIR: path.join(folder, 'none') },
        err: (t) => err.push(t),
        out: () => undefined,
      }),
    ).toBe(69);
    expect(err.join('')).toContain('No stack is running here');
  });
});
