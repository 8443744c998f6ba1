/** Generates load on the SSO bridge in a forked process: exchanges in a closed loop, logins at a fixed rate. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection, type Target } from '../connection.js';
import { spread, type Spread } from '../statistics.js';
import { Visitor } from './visitor.js';

/** Exchanges go to the target's own URL. Each connection sends its next exchange after the last answer. */
export interface ExchangeJob {
  readonly kind: 'exchange';
  readonly target: Target;
  readonly connections: number;
  readonly seconds: number;
  /** Bodies of requests, used in turn. */
  readonly forms: readonly string[];
}

/** A login starts at each time of the schedule, whether or not earlier ones have ended. */
export interface LoginJob {
  readonly kind: 'login';
  readonly service: string;
  readonly okta: string;
  readonly perSecond: number;
  readonly seconds: number;
  readonly logins: readonly string[];
}

export interface ExchangeResult extends Spread {
  readonly exchanges: number;
  readonly seconds: number;
}

export interface LoginResult {
  readonly logins: number;
  /** Duration of the callback from request to answer, in milliseconds. */
  readonly callback: Spread;
  /** Duration from the scheduled time to the answer of the callback, including the sandbox's pages. */
  readonly whole: Spread;
}

async function exchangeLoad({ target, connections, seconds, forms }: ExchangeJob): Promise<ExchangeResult> {
  const open = await Promise.all(Array.from({ length: connections }, () => Connection.open(target)));
  const durations: number[] = [];
  let sent = 0;
  const began = performance.now();
  const end = began + seconds * 1_000;
  const work = async (connection: Connection): Promise<void> => {
    while (performance.now() < end) {
      const at = performance.now();
      const { status, body } = await connection.send('POST', '', forms[sent++ % forms.length]);
      durations.push(performance.now() - at);
      if (status !== 200 || !body.includes('"access_token":"ey')) throw new Error(`${status} ${body.toString()}`);
    }
  };
  await Promise.all(open.map(work));
  const took = (performance.now() - began) / 1_000;
  for (const connection of open) connection.close();
  return { exchanges: durations.length, seconds: took, ...spread(durations) };
}

async function loginLoad({ service, okta, perSecond, seconds, logins }: LoginJob): Promise<LoginResult> {
  const callbacks: number[] = [];
  const whole: number[] = [];
  const began = performance.now() + 50;
  const signIn = async (scheduled: number, login: string): Promise<void> => {
    callbacks.push(await new Visitor(service, okta).signIn(login));
    whole.push(performance.now() - scheduled);
  };
  const running: Promise<void>[] = [];
  for (let i = 0; i < perSecond * seconds; i++) {
    const scheduled = began + (i * 1_000) / perSecond;
    const early = scheduled - performance.now();
    if (early > 0) await sleep(early);
    running.push(signIn(scheduled, logins[i % logins.length] ?? ''));
  }
  await Promise.all(running);
  return { logins: callbacks.length, callback: spread(callbacks), whole: spread(whole) };
}

process.on('message', (job: ExchangeJob | LoginJob) => {
  const result = job.kind === 'exchange' ? exchangeLoad(job) : loginLoad(job);
  result.then(
    (value) => process.send?.({ value }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
