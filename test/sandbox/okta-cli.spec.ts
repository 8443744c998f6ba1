import { EXIT } from '#command-line';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { runOktaCli } from '../../apps/sandbox/src/cli/program.js';
import { verbNames } from '../../apps/sandbox/src/okta/okta.js';
import { HookReceiver } from '../support/hook-receiver.js';
import { ScimRecorder } from '../support/scim-recorder.js';
import { control, startSandbox, type RunningSandbox } from '../support/sandbox.js';

describe('npm run okta', () => {
  let running: RunningSandbox;
  let scim: ScimRecorder;
  let folder: string;
  beforeAll(async () => {
    [running, scim] = await Promise.all([startSandbox(), ScimRecorder.start()]);
    folder = await mkdtemp(path.join(os.tmpdir(), 'okta-cli-'));
    await writeFile(
      path.join(folder, 'stack.json'),
      JSON.stringify({
        sandbox: { okta: running.sandbox.endpoints.okta },
        tenants: [{ slug: 'default', scimBaseUrl: scim.baseUrl, scimToken: 'the-token' }],
      }),
    );
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
    await scim.stop();
    await running.stop();
  });

  const cliWith = async (stdin: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> => {
    let [out, err] = ['', ''];
    const code = await runOktaCli(args, {
      out: (text) => (out += text),
      err: (text) => (err += text),
      env: { STACK_DIR: folder, npm_lifecycle_event: 'okta' },
      stdin: Readable.from([stdin]),
    });
    return { code, out: out.trimEnd(), err: err.trimEnd() };
  };
  const cli = (...args: string[]) => cliWith('', ...args);

  it('says before the app is connected how to connect it, and then connects it', async () => {
    expect(await cli('list')).toMatchObject({ code: EXIT.refused, err: expect.stringContaining('connect one first') });
    expect(await cliWith('the-token\n', 'connect', '--token-file', '-')).toMatchObject({
      code: EXIT.ok,
      out: expect.stringContaining('npm run okta -- test-connection --tenant default'),
    });
    expect(await cli('test-connection')).toMatchObject({ code: EXIT.ok });
    expect(scim.requests.at(-1)?.headers.authorization).toBe('Bearer the-token');
    expect((await cli('connect', '--header')).code).toBe(EXIT.ok);
    await cli('test-connection');
    expect(scim.requests.at(-1)?.headers.authorization).toBe('the-token');
    expect((await cli('connect', '--token', 'the-token')).code).toBe(EXIT.usage);
    await cli('connect');
  });

  it('assigns, pushes, changes and lists, with one line per SCIM request', async () => {
    const assigned = await cli('assign', 'Anna@example.com', '--first-name', 'Anna', '--title', 'Lead');
    expect(assigned.code).toBe(0);
    expect(assigned.out).toMatch(
      /^20[\dT:.-]{21}Z {2}200 +\d+ ms {2}GET +\S+\/Users\?filter=userName eq "Anna@example.com"&startIndex=1&count=100$/m,
    );
    expect(assigned.out).toMatch(/ 201 +\d+ ms {2}POST +\S+\/Users$/m);
    expect(scim.bodies('POST')[0]).toMatchObject({ name: { givenName: 'Anna' }, title: 'Lead' });
    expect((await cli('push-group', 'Agents', 'anna@example.com', '--mode', 'oin')).out).toContain(
      'push-group Agents: done (catalog app, OIN)',
    );
    expect((await cli('remove-member', 'Agents', 'anna@example.com', '--mode', 'aiw')).out).toContain(
      '(custom app, AIW)',
    );
    expect((await cli('suspend', 'anna@example.com')).out).toContain('sends no SCIM request');
    const { out } = await cli('list');
    expect(out).toMatch(/^Anna@example.com +SUSPENDED +assigned +[0-9a-f-]{36}$/m);
    expect(out).toMatch(/^Agents +pushed, ACTIVE/m);
    const listed = JSON.parse((await cli('list', '--json')).out) as { people: object[]; groups: object[] };
    expect(listed.people).toMatchObject([{ login: 'Anna@example.com', status: 'SUSPENDED', assigned: true }]);
    expect(listed.groups).toMatchObject([{ name: 'Agents' }]);
  });

  it('ends with 1 and the reason when the task fails, and keeps it under tasks', async () => {
    scim.canned.push({ status: 401, body: { detail: 'The SCIM token is wrong.' } });
    const failed = await cli('test-connection');
    expect(failed).toMatchObject({ code: 1, out: expect.stringContaining('The SCIM token is wrong.') });
    expect((await cli('tasks')).out).toContain('The SCIM token is wrong.');
    expect(JSON.parse((await cli('tasks', '--json')).out)).toMatchObject([
      { detail: expect.stringContaining('The SCIM token is wrong.') },
    ]);
  });

  it('repeats failed tasks, keeps those that fail again, and dismisses them', async () => {
    scim.canned.push({ status: 401, body: { detail: 'Still wrong.' } });
    expect(await cli('retry-tasks')).toMatchObject({
      code: EXIT.refused,
      out: expect.stringContaining('Still wrong.'),
    });
    expect((await cli('tasks')).out).toContain('Still wrong.');
    expect((await cli('retry-tasks')).out).toContain('test-connection: done');
    expect((await cli('tasks')).out).toBe('No task has failed.');
    scim.canned.push({ status: 401, body: { detail: 'Wrong again.' } });
    await cli('test-connection');
    expect((await cli('dismiss')).code).toBe(EXIT.ok);
    expect((await cli('tasks')).out).toBe('No task has failed.');
  });

  it('creates API tokens with the id of the app, and revokes them', async () => {
    const { appId, apiToken } = JSON.parse((await cli('api-token', '--json')).out) as Record<string, string>;
    const okta = running.sandbox.endpoints.okta;
    const ask = () => fetch(`${okta}/api/v1/apps/${appId}/users`, { headers: { authorization: `SSWS ${apiToken}` } });
    expect((await ask()).status).toBe(200);
    expect((await cli('api-token', '--revoke')).code).toBe(EXIT.ok);
    expect((await ask()).status).toBe(401);
  });

  it('shows what the event hook carried, also what was put off, and deletes only the deactivated', async () => {
    const receiver = await HookReceiver.start();
    const okta = running.sandbox.endpoints.okta;
    const tell = (method: string, path: string, body: object) =>
      control(okta, method, `apps/default/event-hook${path}`, body);
    expect((await cli('hooks')).out).toContain('sent nothing');
    const hook = ['event-hook', '--endpoint', receiver.url, '--secret-file', '-'];
    expect((await cliWith('x', ...hook)).out).toContain('is verified');
    await cli('assign', 'ben@example.com');
    receiver.answers.push(503);
    const lines = (await cli('suspend', 'ben@example.com')).out.split('\n').filter((l) => l.includes('HOOK'));
    expect(lines).toEqual([expect.stringMatching(/ {2}503 .* HOOK /), expect.stringMatching(/ {2}200 .* HOOK /)]);
    expect(lines[1]).toContain('/auth/okta/event-hook/default user.lifecycle.suspend ben@example.com');
    await tell('PUT', '/knobs', { delayMs: 600_000 });
    expect((await cli('unsuspend', 'ben@example.com')).out).toContain(
      'user.lifecycle.unsuspend ben@example.com: waiting',
    );
    expect(await cli('delete', 'ben@example.com')).toMatchObject({ code: 1, err: expect.stringContaining('ACTIVE') });
    await cli('deactivate', 'ben@example.com');
    expect((await cli('delete', 'ben@example.com')).out).toContain('delete ben@example.com: done');
    expect((await cli('list')).out).not.toContain('ben@example.com');
    expect((await cli('hooks')).out.split('\n').filter((l) => l.endsWith(': waiting'))).toHaveLength(3);
    await receiver.stop();
  });

  it('asks for a Universal Logout, right or wrong, and shows the answer of the app', async () => {
    const receiver = await HookReceiver.start();
    const { okta } = running.sandbox.endpoints;
    await cli('assign', 'cleo@example.com');
    expect((await cli('universal-logout', 'cleo@example.com')).err).toContain('no OIDC client');
    expect((await cli('oidc-app', '--redirect-uri', 'http://localhost:8080/callback')).out).toMatch(/^Client ID +0oa/);
    await control(okta, 'PUT', 'apps/default/universal-logout', { url: receiver.url });
    receiver.answers.push(204, 401);
    const done = await cli('universal-logout', 'cleo@example.com');
    expect(done).toMatchObject({ code: 0, out: expect.stringMatching(/ 204 +\d+ ms {2}POST +\/\S+\n.*ended: 0$/) });
    const forged = await cli('universal-logout', 'cleo@example.com', '--fault', 'wrong-key');
    expect(forged).toMatchObject({ code: 1, out: expect.stringContaining(' 401 ') });
    expect((await cli('universal-logout', 'cleo@example.com', '--fault', 'x')).err).toContain('replay');
    await receiver.stop();
  });

  it('knows every verb of the sandbox and explains it', async () => {
    const { code, out } = await cli('--help');
    expect(code).toBe(0);
    for (const verb of [
      ...verbNames,
      ...['universal-logout', 'list', 'tasks', 'hooks', 'connect', 'retry-tasks', 'dismiss', 'api-token'],
    ])
      expect(out).toContain(`\n  ${verb} `);
    expect((await cli('assign', '--help')).out).toContain('--mode <mode>');
  });

  it('refuses nonsense in words', async () => {
    expect(await cli('explode')).toMatchObject({
      code: EXIT.usage,
      err: expect.stringContaining('unknown command'),
    });
    expect(await cli('import', '--mode', 'xyz')).toMatchObject({
      code: EXIT.usage,
      err: expect.stringContaining('aiw'),
    });
    expect(await cli('unassign', 'nobody@example.com')).toMatchObject({
      code: 1,
      err: expect.stringContaining('nobody@example.com'),
    });
    expect(await cli('import', '--tenant', 'other')).toMatchObject({
      code: 1,
      err: expect.stringContaining('"other"'),
    });
  });

  it('says how to start a stack when there is none', async () => {
    const lines: string[] = [];
    const io = {
      out: () => undefined,
      err: (line: string) => void lines.push(line),
      env: { STACK_DIR: path.join(folder, 'none') },
    };
    expect(await runOktaCli(['list'], io)).toBe(EXIT.config);
    expect(lines.join()).toContain('npm start');
  });

  it('never guesses between several apps', async () => {
    await control(running.sandbox.endpoints.okta, 'PUT', 'apps/second', { scimBaseUrl: scim.baseUrl, token: 'x' });
    expect(await cli('list')).toMatchObject({ code: EXIT.usage, err: expect.stringContaining('default, second') });
  });
});
