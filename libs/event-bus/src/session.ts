import type { Database } from '#platform';
import pg from 'pg';

/**
 * Opens a session outside the pool, for advisory locks and LISTEN. Both sides detect a dead connection within seconds,
 * so that it does not hold a lock for long. `onLost` runs once if the connection breaks after it was opened.
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

/**
 * Returns the pause before a retry. The pause doubles from `first` up to `limit`, with up to 30 % of jitter so that
 * replicas do not retry at the same time.
 */
export function backoffMs(attempt: number, first: number, limit: number): number {
  return Math.min(limit, first * 2 ** Math.min(attempt - 1, 30)) * (0.85 + Math.random() * 0.3);
}
