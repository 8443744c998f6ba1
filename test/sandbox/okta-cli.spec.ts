import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
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
      JSON.stringify({ sandbox: { okta: running.sandbox.endpoints.okta } }),
    );
    await control(running.sandbox.endpoints.okta, 'PUT', 'apps/default', {
      scimBaseUrl: scim.baseUrl,
      token: 'the-token',
    });
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
    await scim.stop();
    await running.stop();
  });

  const cli = async (...args: string[]): Promise<{ code: number; out: string; err: string }> => {
    const [out, err]: [string[], string[]] = [[], []];
    const code = await runOktaCli(args, {
      out: (line) => out.push(line),
      err: (line) => err.push(line),
      env: { STACK_DIR: folder },
    });
    return { code, out: out.join('\n'), err: err.join('\n') };
  };

  it('assigns, pushes, changes and lists, with one line per SCIM request', async () => {
    const assigned = await cli('assign', 'Anna@example.com', '--first-name', 'Anna', '--title', 'Lead');
    expect(assigned.code).toBe(0);
    expect(assigned.out).toMatch(
      /^[\d:.]{12} {2}200 +\d+ ms {2}GET +\S+\/Users\?filter=userName eq "Anna@example.com"&startIndex=1&count=100$/m,
    );
    expect(assigned.out).toMatch(/ 201 +\d+ ms {2}POST +\S+\/Users$/m);
    expect(scim.bodies('POST')[0]).toMatchObject({ name: { givenName: 'Anna' }, title: 'Lead' });
    expect((await cli('push-group', 'Agents', 'anna@example.com', '--mode', 'oin')).out).toContain(
      'push-group Agents: done (OIN)',
    );
    expect((await cli('remove-member', 'Agents', 'anna@example.com', '--mode', 'aiw')).out).toContain('(AIW)');
    expect((await cli('suspend', 'anna@example.com')).out).toContain('sends no SCIM request');
    expect((await cli('list')).out).toMatch(
      /Anna@example.com +SUSPENDED +assigned +[0-9a-f-]{36}\nAgents +pushed, ACTIVE/,
    );
  });

  it('ends with 1 and the reason when the task fails, and keeps it under tasks', async () => {
    scim.canned.push({ status: 401, body: { detail: 'The SCIM token is wrong.' } });
    const failed = await cli('test-connection');
    expect(failed).toMatchObject({ code: 1, out: expect.stringContaining('The SCIM token is wrong.') });
    expect((await cli('tasks')).out).toContain('The SCIM token is wrong.');
  });

  it('shows what the event hook carried, also what was put off, and deletes only the deactivated', async () => {
    const receiver = await HookReceiver.start();
    const okta = running.sandbox.endpoints.okta;
    const tell = (method: string, path: string, body: object) =>
      control(okta, method, `apps/default/event-hook${path}`, body);
    expect((await cli('hooks')).out).toContain('carried nothing');
    await tell('PUT', '', { url: receiver.url, secret: 'x' });
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
    await control(okta, 'PUT', 'apps/default/oidc-client', { redirectUris: ['http://localhost:8080/callback'] });
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
    for (const verb of [...verbNames, 'universal-logout', 'list', 'tasks', 'hooks'])
      expect(out).toContain(`\n  ${verb} `);
    expect((await cli('assign', '--help')).out).toContain('--mode <mode>');
  });

  it('refuses nonsense in words', async () => {
    expect(await cli('explode')).toMatchObject({ code: 1, err: expect.stringContaining('unknown command') });
    expect(await cli('import', '--mode', 'xyz')).toMatchObject({ code: 1, err: expect.stringContaining('aiw') });
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
    expect(await runOktaCli(['list'], io)).toBe(1);
    expect(lines.join()).toContain('npm start');
  });
});
