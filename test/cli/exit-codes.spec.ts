/** One table of exit codes: every command of both programs ends with the same code in the same situation. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { Command } from 'commander';
import { EXIT, runProgram, type AnyCommand, type Environment, type ProgramSpec } from '#command-line';
import { SERVICES } from '../../apps/cli/src/services.js';
import { stackflow } from '../../apps/cli/src/stackflow.js';
import { okta } from '../../apps/sandbox/src/cli/program.js';

interface Named {
  readonly program: ProgramSpec;
  readonly path: readonly string[];
  readonly spec: AnyCommand;
}

async function commandsOf(program: ProgramSpec): Promise<Named[]> {
  const all: Named[] = [];
  const named = (spec: AnyCommand): string => spec.usage.split(' ')[0] ?? '';
  for (const entry of program.entries) {
    const loaded = await entry.load();
    if ('run' in loaded) all.push({ program, path: [named(loaded)], spec: loaded });
    else for (const spec of loaded) all.push({ program, path: [entry.name, named(spec)], spec });
  }
  return all;
}

const commands = [...(await commandsOf(stackflow)), ...(await commandsOf(okta))];

/** The options that each command needs to be a valid command line. */
const MORE: Readonly<Record<string, readonly string[]>> = {
  'tenants configure': ['--scim', 'on'],
  'offboarding release': ['--all'],
  'exchange add': ['--audience', 'a'],
  'exchange change': ['--audience', 'a'],
  'events retry': ['--all'],
};

/** Answers that are made of several services: no service had an answer. */
const COMPOSED = ['doctor', 'status', 'audit', 'events list', 'events show', 'events parked', 'events retry', 'events skip', 'events replay']; // oxfmt-ignore

function argumentsOf({ path: name, spec, program }: Named): string[] {
  const command = new Command(name.join(' '));
  const [, ...given] = spec.usage.split(' ');
  spec.options?.(command);
  program.options?.(command);
  const mandatory = command.options
    .filter((option) => option.mandatory && option.defaultValue === undefined)
    .flatMap(({ long }) => [long ?? '', long?.endsWith('-file') ? '-' : 'x']);
  const required = given.filter((argument) => argument.startsWith('<')).map(() => 'tenant:x');
  return [...name, ...required, ...mandatory, ...(MORE[name.join(' ')] ?? [])];
}

async function run({ program }: Named, args: readonly string[], env: Environment) {
  let [out, err] = ['', ''];
  const io = { out: (text: string) => (out += text), err: (text: string) => (err += text) };
  const stdin = Readable.from(['a-secret-of-some-length\n']);
  return { code: await runProgram(program, args, { ...io, env, stdin }), out, err };
}

const codes = async (args: (each: Named) => readonly string[], env: (each: Named) => Environment) => {
  const found: Record<string, number> = {};
  for (const each of commands) {
    const { code, out, err } = await run(each, args(each), env(each));
    const name = each.path.join(' ');
    // A refusal stands alone on standard error; an answer with unknown parts is printed as an answer.
    const said = COMPOSED.includes(name) || code === EXIT.ok ? err + out : err;
    expect([name, said]).toEqual([name, expect.stringMatching(/\S/)]);
    if (!COMPOSED.includes(name) && code !== EXIT.ok) expect([name, out]).toEqual([name, '']);
    found[`${each.program.name} ${each.path.join(' ')}`] = code;
  }
  return found;
};

const all = (code: number | ((name: string) => number)): Record<string, number> =>
  Object.fromEntries(
    commands.map(({ program, path: name }) => [
      `${program.name} ${name.join(' ')}`,
      typeof code === 'number' ? code : code(name.join(' ')),
    ]),
  );

let folder: string;
let server: http.Server;
let url: string;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'exit-codes-'));
  // Every tenant list has one tenant; every other question is refused.
  server = http.createServer((request, response) => {
    const tenants = [
      { id: '00000000-0000-7000-8000-000000000001', slug: 'one', settings: { okta: null, sso: null, brake: null } },
    ];
    const isList = /^\/internal(\/hub)?\/tenants$/.test(request.url ?? '') && request.method === 'GET';
    response.writeHead(isList ? 200 : 404, { 'content-type': 'application/json' });
    const problem = { status: 404, code: 'not_found', detail: 'There is none.', error: 'There is none.' };
    response.end(JSON.stringify(isList ? { tenants } : problem));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

const at = (where: string): Environment => {
  const services = Object.fromEntries(Object.values(SERVICES).map((variable) => [variable, where]));
  return { STACK_DIR: sandboxAt(where), INTERNAL_API_CREDENTIAL: 'cli.token', STACKFLOW_OPERATOR: 'jane', ...services };
};
/** For the sandbox Okta, which only a running stack has. */
function sandboxAt(where: string): string {
  const stack = mkdtempSync(path.join(folder, 'stack-'));
  const tenants = [{ slug: 'one', scimBaseUrl: 'http://localhost/scim', scimToken: 'token' }];
  writeFileSync(path.join(stack, 'stack.json'), JSON.stringify({ sandbox: { okta: where }, tenants, services: {} }));
  return stack;
}

it('knows more than 60 commands', () => {
  expect(commands.length).toBeGreaterThan(60);
});

it('ends with 0 after --help, which names --json and shows how the command is used', async () => {
  for (const each of commands) {
    const { code, out } = await run(each, [...each.path, '--help'], {});
    expect([each.path, code, out]).toEqual([each.path, EXIT.ok, expect.stringContaining('--json')]);
    expect(out).toContain(`Usage: ${each.program.name} ${each.path.join(' ')}`);
  }
});

it('ends with 64 if the command line is wrong', async () => {
  const wrong = await codes(
    (each) => [...argumentsOf(each), '--frobnicate'],
    () => at('http://127.0.0.1:1'),
  );
  expect(wrong).toEqual(all(EXIT.usage));
});

it('ends with 78 if nothing says where the services are', async () => {
  expect(await codes(argumentsOf, () => ({ STACK_DIR: path.join(folder, 'none') }))).toEqual(all(EXIT.config));
});

it('ends with 69 if the services do not answer', async () => {
  expect(await codes(argumentsOf, () => at('http://127.0.0.1:1'))).toEqual(all(EXIT.unavailable));
});

it('ends with 1 if a service refuses, and with 69 if an answer of several services has no part left', async () => {
  const expected = all((name) =>
    name === 'tenants list' ? EXIT.ok : COMPOSED.includes(name) ? EXIT.unavailable : EXIT.refused,
  );
  expect(await codes(argumentsOf, () => at(url))).toEqual(expected);
});
