/** A Postgres session of its own, outside the pool: for advisory locks and LISTEN, which belong to a session. */
import type { Database } from '#platform';
import pg from 'pg';

/**
 * Connects with the settings of the pool. The session notices a dead peer within seconds, so that what it holds (a
 * lock, the illusion of listening) is not held for ever. `onLost` runs once if the connection breaks later.
 */
export async function openSession(
  database: Database,
  name: string,
  onLost: (error: Error) => void,
): Promise<pg.Client> {
  const { options } = database.pool;
  const client = new pg.Client({
    ...options,
    application_name: name,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
  });
  let lost = false;
  const lose = (error: Error) => {
    if (!lost) onLost(error);
    lost = true;
  };
  client.on('error', lose);
  client.on('end', () => lose(new Error('the connection to Postgres ended')));
  try {
    await client.connect();
    await client.query('set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 2; set tcp_keepalives_count = 3');
  } catch (error) {
    lost = true;
    await client.end().catch(() => undefined);
    throw error;
  }
  return client;
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Doubles from `first` up to `limit`, with up to 30 % of jitter so that replicas do not march in step. */
export function backoffMs(attempt: number, first: number, limit: number): number {
  return Math.min(limit, first * 2 ** Math.min(attempt - 1, 30)) * (0.85 + Math.random() * 0.3);
}

/** A pause that can be cut short; a wake-up between two pauses is not lost. */
export class Waiter {
  private woken = false;
  private resume: (() => void) | undefined;

  wake(): void {
    this.woken = true;
    this.resume?.();
  }

  async wait(ms: number): Promise<void> {
    if (!this.woken)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.resume = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    this.resume = undefined;
    this.woken = false;
  }
}
