/**
 * Measures the SSO bridge. Exchanges: the token endpoint of auth-service is compared with the unavoidable cost of an
 * exchange. Rounds alternate, with the same load generator, connections and sandbox, and with raised Cognito quotas.
 * Logins: they run at a fixed rate through the sandbox's own pages, on Cognito's default quotas.
 */
import path from 'node:path';
import { ROOT } from '../../tools/local/folder.js';
import type { Target } from '../connection.js';
import type { Program } from '../program.js';
import type { BareJob } from '../sso/bare.js';
import type { ExchangeJob, ExchangeResult, LoginJob, LoginResult } from '../sso/load.js';
import { formOf, SsoWorld, type SubjectToken } from '../sso/world.js';
import type { Service, Stack } from '../stack.js';
import { median } from '../statistics.js';

export const CONNECTIONS = 16;
export const LOGINS_PER_SECOND = 20;
const PEOPLE = 300;
const EXCHANGE_PATH = '/auth/okta/obo/token';

export interface SsoOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly loginSeconds: number;
  readonly say: (text: string) => void;
}

/** CPU time of an exchange in milliseconds, by process. */
export interface CpuMs {
  /** CPU time of auth-service, or of the bare server instead. */
  readonly server: number;
  readonly sandbox: number;
  readonly postgres: number;
}

export interface ExchangeMeasurement {
  readonly who: 'auth-service' | 'bare';
  readonly round: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly cpuMs: CpuMs;
}

export interface SsoResult {
  readonly exchanges: readonly ExchangeMeasurement[];
  /** Median over all rounds of auth-service's rate divided by the bare server's rate in the same round. */
  readonly partOfBare: number;
  readonly logins: LoginResult;
}

interface Contestant {
  readonly who: ExchangeMeasurement['who'];
  readonly target: Target;
  readonly program: Program;
}

export async function measureSso(stack: Stack, options: SsoOptions): Promise<SsoResult> {
  const world = await SsoWorld.start(stack, PEOPLE, options.say);
  const load = stack.run({ name: 'load', entry: path.join(ROOT, 'dist/bench/sso/load.js') });
  const service = await world.startAuthService(PEOPLE);
  const { tenantId, basic } = await world.connect(service);
  const tokens = await world.subjectTokens();
  const bare = await startBare(stack, world, tokens, tenantId);
  const form = { token: basic, scheme: 'Basic', contentType: 'application/x-www-form-urlencoded' } as const;
  const contestants: Contestant[] = [
    { who: 'auth-service', target: { ...form, url: service.url + EXCHANGE_PATH }, program: service.program },
    { who: 'bare', target: { ...form, url: bare.url + EXCHANGE_PATH }, program: bare.program },
  ];
  const exchanges = await rounds(contestants, options, (contestant, round, seconds) =>
    exchange({ stack, world, load, tokens }, contestant, round, seconds),
  );
  await bare.program.stop();
  await service.program.stop();
  const logins = await measureLogins(stack, world, load, tokens, options);
  return { exchanges, partOfBare: partOfBare(exchanges), logins };
}

async function startBare(
  stack: Stack,
  { pool, keyFile, okta }: SsoWorld,
  tokens: readonly SubjectToken[],
  tenantId: string,
): Promise<Service> {
  const program = stack.run({ name: 'bare', entry: path.join(ROOT, 'dist/bench/sso/bare.js') });
  const job: BareJob = {
    cognito: stack.cognito,
    pool,
    keyFile,
    jwksUri: `${okta.origin}/oauth2/default/v1/keys`,
    tenantId,
    accounts: Object.fromEntries(tokens.map(({ oktaId, accountId }) => [oktaId, accountId])),
  };
  return { program, url: await program.ask<string>(job) };
}

/** The first round warms up and is not counted. The order changes, because the speed of the machine varies. */
async function rounds(
  contestants: readonly Contestant[],
  { rounds: count, seconds, say }: SsoOptions,
  one: (contestant: Contestant, round: number, seconds: number) => Promise<ExchangeMeasurement>,
): Promise<ExchangeMeasurement[]> {
  const measured: ExchangeMeasurement[] = [];
  for (let round = 0; round <= count; round++) {
    say(round === 0 ? 'exchanges: warming up' : `exchanges: round ${round} of ${count}`);
    for (const contestant of round % 2 === 0 ? contestants : contestants.toReversed())
      measured.push(await one(contestant, round, seconds));
  }
  return measured.filter(({ round }) => round > 0);
}

interface Field {
  readonly stack: Stack;
  readonly world: SsoWorld;
  readonly load: Program;
  readonly tokens: readonly SubjectToken[];
}

async function exchange(
  { stack, world, load, tokens }: Field,
  { who, target, program }: Contestant,
  round: number,
  seconds: number,
): Promise<ExchangeMeasurement> {
  const cpu = (): CpuMs => ({
    server: program.cpuSeconds() * 1_000,
    sandbox: world.sandbox.program.cpuSeconds() * 1_000,
    postgres: stack.postgresCpuSeconds() * 1_000,
  });
  const before = cpu();
  const job: ExchangeJob = {
    kind: 'exchange',
    target,
    connections: CONNECTIONS,
    seconds,
    forms: tokens.map(formOf),
  };
  const { exchanges, seconds: took, p50, p99 } = await load.ask<ExchangeResult>(job);
  const after = cpu();
  const each = (of: keyof CpuMs): number => (after[of] - before[of]) / exchanges;
  const cpuMs = { server: each('server'), sandbox: each('sandbox'), postgres: each('postgres') };
  return { who, round, perSecond: exchanges / took, p50, p99, cpuMs };
}

function partOfBare(measured: readonly ExchangeMeasurement[]): number {
  const of = (who: ExchangeMeasurement['who']) => measured.filter((m) => m.who === who);
  return median(
    of('auth-service').map((m) => m.perSecond / (of('bare').find((b) => b.round === m.round)?.perSecond ?? Number.NaN)),
  );
}

async function measureLogins(
  stack: Stack,
  world: SsoWorld,
  load: Program,
  tokens: readonly SubjectToken[],
  { loginSeconds, say }: SsoOptions,
): Promise<LoginResult> {
  await fetch(`${stack.cognito}/sandbox/quotas`, { method: 'DELETE' });
  const service = await world.startAuthService(PEOPLE, { COGNITO_QUOTAS: '{}' });
  const job = (seconds: number): LoginJob => ({
    kind: 'login',
    service: service.url,
    okta: world.okta.origin,
    perSecond: LOGINS_PER_SECOND,
    seconds,
    logins: tokens.map(({ login }) => login),
  });
  say(`${LOGINS_PER_SECOND} logins per second for ${loginSeconds} s`);
  await load.ask<LoginResult>(job(2)); // warms up
  return load.ask<LoginResult>(job(loginSeconds));
}
