/** `npm start` as a process of its own: with a taken port, a second start at the same time, kills and restarts. */
import { jest } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ROOT, type StackDescription } from '../../tools/local/folder.js';
import { lockHolder } from '../../tools/local/lock.js';
import { isRoot } from '../../tools/local/postgres-files.js';
import { eventually, followLines, processIdentity } from '../../tools/local/process.js';
import { compiled } from '../support/services.js';

interface Started {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<number | null>;
}

/** A generous limit: on a busy machine, how long a wait takes means nothing. */
const LIMIT_MS = 60_000;

const children: ChildProcess[] = [];

/** Starts the launcher itself; bootstrap.spec.ts tests what comes before it. */
function start(folder: string, env: NodeJS.ProcessEnv, args: readonly string[] = []): Started {
  const named = [
    'DATABASE_URL',
    'NODE_OPTIONS',
    'EVENT_CARRIER',
    'KAFKA_BROKERS',
    'COGNITO_ENDPOINT',
    'SECRETS_MANAGER_ENDPOINT',
    'OKTA_ENDPOINT',
    'OKTA_ISSUER_OVERRIDE',
  ];
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !named.includes(name)));
  const child = spawn(process.execPath, [path.join(ROOT, 'dist/tools/local/start.js'), ...args], {
    cwd: ROOT,
    env: { ...inherited, STACK_DIR: folder, PORT: '0', LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  const lines: string[] = [];
  followLines(child, (line) => void lines.push(line));
  return { child, output: () => lines.join('\n'), ended: new Promise((resolve) => child.once('close', resolve)) };
}

jest.setTimeout(120_000);

describe('npm start', () => {
  let home: string;
  let folder: string;
  beforeAll(async () => {
    await compiled();
    // Mode 700, as a home folder has: as root, the database cannot be in it.
    home = fs.mkdtempSync(path.join(tmpdir(), 'stackflow-start-'));
    folder = path.join(home, '.local');
  });
  afterAll(async () => {
    for (const child of children) child.kill('SIGTERM');
    await eventually(() => children.every((child) => child.exitCode !== null || child.signalCode !== null), LIMIT_MS);
    const note = path.join(folder, 'postgres', 'data-is-in');
    if (fs.existsSync(note)) fs.rmSync(fs.readFileSync(note, 'utf8').trim(), { recursive: true, force: true });
    fs.rmSync(home, { recursive: true, force: true });
  });

  const description = (): StackDescription =>
    JSON.parse(fs.readFileSync(path.join(folder, 'stack.json'), 'utf8')) as StackDescription;
  const isReady = (): boolean => fs.existsSync(path.join(folder, 'stack.json')) && description().ready;
  const up = async (run: Started): Promise<StackDescription> => {
    const died = (): boolean => run.child.exitCode !== null || run.child.signalCode !== null;
    await eventually(() => died() || (isReady() && description().pid === run.child.pid), LIMIT_MS);
    if (died() || !isReady()) throw new Error(`did not start:\n${run.output()}`);
    return description();
  };
  const scim = (stack: StackDescription, target: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${stack.tenants[0]?.scimBaseUrl}${target}`, {
      ...init,
      headers: { authorization: `Bearer ${stack.tenants[0]?.scimToken}`, 'content-type': 'application/scim+json' },
    });
  const allGone = (stack: StackDescription): Promise<boolean> =>
    eventually(() => Object.values(stack.services).every(({ pid }) => processIdentity(pid) === undefined), LIMIT_MS);

  test('reports every fault of the environment at once, before it starts anything', async () => {
    const run = start(folder, { PORT: 'http', EVENT_CARRIER: 'nats', COGNITO_ENDPOINT: 'http://localhost:1' });
    expect(await run.ended).toBe(1);
    expect(run.output()).toMatch(/3 fault\(s\)[^]*EVENT_CARRIER is "nats"[^]*PORT is "http"[^]*COGNITO_USER_POOL_ID/);
    expect(fs.existsSync(path.join(folder, 'postgres'))).toBe(false);
  });

  test('refuses an unknown option', async () => {
    const run = start(folder, {}, ['--blanc']);
    expect([await run.ended, run.output()]).toEqual([1, expect.stringContaining("unknown option '--blanc'")]);
  });

  const hookSecret = (): string => {
    const kept = JSON.parse(fs.readFileSync(path.join(folder, 'secrets.json'), 'utf8')) as {
      eventHookSecrets: Record<string, string>;
    };
    const [secret = ''] = Object.values(kept.eventHookSecrets);
    expect(secret).toMatch(/^\S{20,}$/);
    return secret;
  };
  const eventHook = async (stack: StackDescription): Promise<string | undefined> => {
    const answer = await fetch(`${stack.sandbox.okta}/sandbox/apps/default/event-hook`);
    return ((await answer.json()) as { hook: { url: string } | null }).hook?.url;
  };

  const startsLogin = async (stack: StackDescription): Promise<void> => {
    const answer = await fetch(`${stack.edge}/auth/okta/login`, { redirect: 'manual' });
    const location = new URL(answer.headers.get('location') ?? '');
    expect([answer.status, location.origin]).toEqual([302, stack.sandbox.okta]);
    expect(location.searchParams.get('redirect_uri')).toBe(`${stack.edge}/auth/okta/callback`);
    const page = await fetch(location, { redirect: 'manual' });
    expect(page.status).toBe(200); // Okta would answer an error page if it did not know the client or its URI
  };

  let token: string | null | undefined;
  let pool: string;
  let secretOfHook: string;
  let secretOfClient: string | undefined;

  /** Checks that the edge accepts the credentials of the example client: only the missing token is refused. */
  const exchanges = async ({ exchange }: StackDescription): Promise<void> => {
    const credentials = Buffer.from(`${exchange?.clientId}:${exchange?.clientSecret}`).toString('base64');
    const answer = await fetch(exchange?.endpoint ?? '', {
      method: 'POST',
      headers: { authorization: `Basic ${credentials}` },
      body: new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange' }),
    });
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'invalid_request' }]);
  };

  test('starts everything although its port is taken, prints its address, and restarts a killed service', async () => {
    const taken = await listenSomewhere();
    const { port } = taken.address() as AddressInfo;
    const run = start(folder, { PORT: String(port) });
    expect(await eventually(() => lockHolder(path.join(folder, 'start.lock'))?.pid === run.child.pid, LIMIT_MS)).toBe(
      true,
    );
    const early = start(folder, {});
    const stack = await up(run);
    token = stack.tenants[0]?.scimToken;
    pool = stack.cognito.userPoolId;

    expect(new URL(stack.edge).port).not.toBe(String(port));
    expect(run.output()).toContain(`Port ${port} is taken`);
    for (const name of ['stack.json', 'secrets.json', 'assertion.pem'])
      expect([name, (fs.statSync(path.join(folder, name)).mode & 0o777).toString(8)]).toEqual([name, '600']);
    expect(run.output()).not.toContain(String(token));

    // People land on the example after sign-in. It refuses requests without a token.
    const landing = await Promise.all(['/', '/desk/caller'].map((page) => fetch(stack.edge + page)));
    expect(landing.map(({ status }) => status)).toEqual([200, 401]);

    // A login starts at the edge and goes to the sandbox Okta, with a redirect URI back to the edge.
    await startsLogin(stack);

    // Okta's event hook is connected: the edge forwards its verification to the worker, which returns the challenge.
    const hook = await eventHook(stack);
    expect(hook).toBe(`${stack.edge}/auth/okta/event-hook/default`);
    const verified = await fetch(hook ?? '', { headers: { 'x-okta-verification-challenge': 'echo-me' } });
    expect(await verified.json()).toEqual({ verification: 'echo-me' });
    secretOfHook = hookSecret();
    expect(run.output()).not.toContain(secretOfHook);

    // The example client of the token exchange is registered.
    await exchanges(stack);
    secretOfClient = stack.exchange?.clientSecret;
    expect(run.output()).not.toContain(secretOfClient);

    const user = { schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName: 'ada@example.com', active: true };
    expect((await scim(stack, '/Users', { method: 'POST', body: JSON.stringify(user) })).status).toBe(201);

    // A second start during the first one waits for it and changes nothing.
    expect([await early.ended, early.output()]).toEqual([0, expect.stringContaining(`already runs at ${stack.edge}`)]);

    const { pid } = stack.services['scim-gateway'] ?? { pid: 0 };
    process.kill(pid, 'SIGKILL');
    expect(await eventually(() => isReady() && description().services['scim-gateway']?.pid !== pid, LIMIT_MS)).toBe(
      true,
    );
    expect(await eventually(async () => (await scim(stack, '/Users')).ok, LIMIT_MS, 100)).toBe(true);

    run.child.kill('SIGINT');
    run.child.kill('SIGINT'); // from the terminal and from npm
    expect(await run.ended).toBe(0);
    expect(fs.existsSync(path.join(folder, 'stack.json'))).toBe(false);
    expect(await allGone(stack)).toBe(true);
    await new Promise((resolve) => taken.close(resolve));
  }, 240_000);

  test('keeps data and token for the next start, and leaves no process behind when the launcher is killed', async () => {
    const run = start(folder, {});
    const stack = await up(run);
    expect(stack.tenants[0]?.scimToken).toBe(token);
    // The edge may have another port now: the event hook gets the new address and keeps its secret.
    expect(await eventHook(stack)).toBe(`${stack.edge}/auth/okta/event-hook/default`);
    expect(hookSecret()).toBe(secretOfHook);
    expect(stack.exchange?.clientSecret).toBe(secretOfClient);
    await exchanges(stack);
    await startsLogin(stack);
    const found = (await (
      await scim(stack, `/Users?filter=${encodeURIComponent('userName eq "ada@example.com"')}`)
    ).json()) as { totalResults: number };
    expect(found.totalResults).toBe(1);
    expect(stack.cognito.userPoolId).toBe(pool);
    run.child.kill('SIGKILL');
    expect(await allGone(stack)).toBe(true);
  }, 240_000);

  const cli = async (program: string, ...args: string[]): Promise<string> => {
    const { NODE_OPTIONS: _flags, ...env } = process.env;
    const child = spawn(process.execPath, [path.join(ROOT, 'dist', program), ...args], {
      env: { ...env, STACK_DIR: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const lines: string[] = [];
    followLines(child, (line) => void lines.push(line));
    await new Promise((resolve) => child.once('close', resolve));
    return lines.join('\n');
  };
  const pushes = (): Promise<string> => cli('apps/sandbox/src/okta-cli.js', 'test-connection');

  test('starts after a launcher that was killed, and keeps a token that was rotated while the stack ran', async () => {
    const run = start(folder, {});
    const stack = await up(run);
    expect(run.output()).toMatch(/Stopping Postgres \(pid \d+\) that a crashed start left behind/);
    expect(stack.cognito.userPoolId).toBe(pool);

    expect(await cli('apps/cli/src/main.js', 'tenants', 'rotate-token', '--grace', '0')).toContain(
      `${path.join(folder, 'stack.json')} now holds the new token.`,
    );
    const rotated = description().tenants[0]?.scimToken;
    expect(rotated).not.toBe(token);
    expect((await scim(description(), '/Users')).status).toBe(200);
    expect(await pushes()).toContain('401'); // Okta still has the previous token
    await cli('apps/sandbox/src/okta-cli.js', 'connect');
    expect(await pushes()).not.toContain('401');
    token = rotated;
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(143);
  }, 240_000);

  test('leaves a refused token as it is, and says what to do', async () => {
    const secrets = path.join(folder, 'secrets.json');
    const before = fs.readFileSync(secrets, 'utf8');
    fs.writeFileSync(secrets, before.replace(String(token), `${String(token).slice(0, -5)}wrong`));
    const run = start(folder, {});
    const stack = await up(run);
    expect(run.output()).toMatch(
      /refuses the SCIM token[^]*stackflow -- tenants rotate-token default[^]*okta -- connect/,
    );
    expect(stack.tenants[0]?.scimToken).toMatch(/wrong$/);
    expect(await pushes()).not.toContain('401'); // the sandbox Okta keeps the token that an administrator gave it
    run.child.kill('SIGINT');
    expect(await run.ended).toBe(0);
    fs.writeFileSync(secrets, before);
  }, 240_000);

  test('reports which service cannot start, why, and what to do, and stops the others', async () => {
    const run = start(folder, { SCIM_RATE_LIMIT_BURST: 'lots' });
    expect(await run.ended).toBe(1);
    expect(run.output()).toMatch(
      /scim-gateway ended \(exit code 78\) before it was ready[^]*SCIM_RATE_LIMIT_BURST is "lots"[^]*set it in the environment/,
    );
    expect(fs.existsSync(path.join(folder, 'stack.json'))).toBe(false);
    expect(fs.existsSync(path.join(folder, 'postgres', 'owner.lock'))).toBe(false);
  }, 120_000);

  test('--reset deletes what earlier starts stored, and starts without data', async () => {
    fs.writeFileSync(path.join(folder, 'mine.txt'), 'not written by a start');
    const run = start(folder, {}, ['--reset']);
    const stack = await up(run);
    expect(run.output()).toContain(`Deleting the data of earlier starts:\n  ${path.join(folder, 'postgres')}`);
    expect(stack.tenants[0]?.scimToken).not.toBe(token);
    expect(await (await scim(stack, '/Users')).json()).toMatchObject({ totalResults: 0 });
    expect(fs.existsSync(path.join(folder, 'mine.txt'))).toBe(true);
    run.child.kill('SIGINT');
    expect(await run.ended).toBe(0);
  }, 240_000);

  if (isRoot()) {
    test('keeps the data, as root, where the unprivileged user of Postgres can reach it', () => {
      const outside = fs.readFileSync(path.join(folder, 'postgres', 'data-is-in'), 'utf8').trim();
      expect(fs.statSync(path.join(outside, 'data', 'PG_VERSION')).uid).not.toBe(0);
    });
  }
});

function listenSomewhere(): Promise<Server> {
  const server = createServer();
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}
