/** Prints the result of a run about the SSO bridge. */
import { ms, rate, table } from '../report.js';
import {
  CONNECTIONS,
  LOGINS_PER_SECOND,
  type CpuMs,
  type ExchangeMeasurement,
  type SsoResult,
} from '../scenarios/sso.js';
import { median } from '../statistics.js';

const NAMES = { 'auth-service': 'POST /auth/okta/obo/token', bare: 'signatures and Cognito calls alone' } as const;
const GOAL = 0.7;

function row(all: readonly ExchangeMeasurement[], who: ExchangeMeasurement['who']): string[] {
  const own = all.filter((m) => m.who === who);
  const middle = (of: (m: ExchangeMeasurement) => number): number => median(own.map(of));
  const cpu = (of: keyof CpuMs): string => {
    const value = middle((m) => m.cpuMs[of]);
    return Number.isNaN(value) ? '' : value.toFixed(2);
  };
  return [
    NAMES[who],
    rate(middle((m) => m.perSecond)),
    ms(middle((m) => m.p50)),
    ms(middle((m) => m.p99)),
    cpu('server'),
    cpu('sandbox'),
    cpu('postgres'),
  ];
}

export function describeSso({ exchanges, partOfBare, logins }: SsoResult, rounds: number, seconds: number): string {
  const head = ['exchange', 'per second', 'p50 ms', 'p99 ms', 'server CPU ms', 'sandbox CPU ms', 'Postgres CPU ms'];
  const part = `${(partOfBare * 100).toFixed(0)} %`;
  return [
    table([head, row(exchanges, 'auth-service'), row(exchanges, 'bare')]),
    `auth-service makes ${part} of the bare rate (goal: ${GOAL * 100} %).`,
    `Medians of ${rounds} alternating rounds of ${seconds} s, ${CONNECTIONS} connections; the part is the median of the parts of the rounds. Access tokens of the`,
    'custom authorization server, client_secret_basic. Bare: an HTTP server that verifies the RS256 signature of the token, calls',
    'AdminInitiateAuth and AdminRespondToAuthChallenge with the AWS SDK, and signs the ES256 assertion. It checks no client, policy, person or quota,',
    'and writes no audit line. The sandbox verifies ES256 twice and signs RS256 twice per exchange, on the same cores. All quotas are raised;',
    'a real account allows 120 AdminInitiateAuth per second by default. Assertions are signed with a local key; AWS KMS would need one more request.',
    '',
    `${LOGINS_PER_SECOND} logins per second through the sandbox's sign-in page on Cognito's default quotas, ${rate(logins.logins)} in all:`,
    `  /auth/okta/callback                 p50 ${ms(logins.callback.p50)} ms, p99 ${ms(logins.callback.p99)} ms, max ${ms(logins.callback.max)} ms (goal: p99 150 ms)`,
    `  whole login, from its schedule      p50 ${ms(logins.whole.p50)} ms, p99 ${ms(logins.whole.p99)} ms, max ${ms(logins.whole.max)} ms`,
  ].join('\n');
}
