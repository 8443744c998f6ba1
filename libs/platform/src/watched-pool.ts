/**
 * A pool of Postgres connections that notices a server that hangs: one that accepts connections and never answers. Without
 * it, each request would wait until its own time-outs end, longer than Okta waits.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** Pause between two questions to the server. */
const INTERVAL_MS = 500;
/** Time for an answer on the connection of the watch, and then on a new one. Together they stay below five seconds. */
const PATIENCE_MS = 2_000;
const SECOND_PATIENCE_MS = 1_500;

/** Postgres does not answer. A statement that was running may or may not have taken effect. */
export class DatabaseSilent extends Error {
  readonly code = 'ETIMEDOUT';

  constructor() {
    super('Postgres accepts connections but does not answer');
    this.name = 'DatabaseSilent';
  }
}

type Done = (release?: Error | boolean) => void;
type Callback = (error: Error | undefined, client: pg.PoolClient | undefined, done: Done) => void;

export class WatchedPool extends pg.Pool {
  /** Is called when the server stops answering, and when it answers again. */
  onSilence: (silent: boolean) => void = () => undefined;
  private silence: DatabaseSilent | undefined;
  private readonly waiting = new Set<(error: Error) => void>();
  private readonly borrowed = new Set<pg.PoolClient>();
  private readonly stopping = new AbortController();
  private watcher: pg.Client | undefined;
  private watched: Promise<void> | undefined;

  constructor(options: pg.PoolConfig) {
    super(options);
    this.on('acquire', (client) => this.borrowed.add(client));
    this.on('release', (_error, client) => this.borrowed.delete(client));
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: Callback): void;
  override connect(callback?: Callback): Promise<pg.PoolClient> | undefined {
    const client = this.borrow();
    if (!callback) return client;
    client.then(
      (c) => callback(undefined, c, (broken) => c.release(broken)),
      (error: Error) => callback(error, undefined, () => undefined),
    );
    return undefined;
  }

  /** Asks the server every half second whether it answers, on a connection outside the pool. */
  watch(): void {
    this.watched ??= this.ask();
  }

  override end(): Promise<void>;
  override end(callback: () => void): void;
  override end(callback?: () => void): Promise<void> | undefined {
    this.stopping.abort();
    discard(this.watcher);
    const ended = (this.watched ?? Promise.resolve()).then(() => super.end());
    if (!callback) return ended;
    ended.then(callback, callback);
    return undefined;
  }

  private borrow(): Promise<pg.PoolClient> {
    if (this.silence) return Promise.reject(this.silence);
    const connecting = super.connect();
    return new Promise((resolve, reject) => {
      this.waiting.add(reject);
      connecting.then(
        (client) => (this.waiting.delete(reject) ? resolve(client) : client.release(true)),
        (error: Error) => {
          this.waiting.delete(reject);
          reject(error);
        },
      );
    });
  }

  private async ask(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.look();
      await sleep(INTERVAL_MS, undefined, { signal, ref: false }).catch(() => undefined);
    }
    discard(this.watcher);
  }

  private async look(): Promise<void> {
    let answered = false;
    const first = this.answer(this.watcher).then(() => (answered = true));
    if (await within(first, PATIENCE_MS)) return this.change(false);
    const old = this.watcher;
    this.watcher = undefined;
    const newAnswered = await within(this.answer(undefined), SECOND_PATIENCE_MS);
    const oldAnswered = answered;
    discard(old);
    if (this.stopping.signal.aborted) return;
    // If only a new connection answers, as after a failover, then the others are as dead as the old one.
    if (newAnswered && !oldAnswered) this.interrupt(new DatabaseSilent());
    this.change(!newAnswered && !oldAnswered);
  }

  /**
   * Resolves when the server answers. A refusal is an answer, too: requests then get the same refusal at once. Without a
   * connection, it opens one and keeps it for the next question.
   */
  private async answer(known: pg.Client | undefined): Promise<void> {
    const client = known ?? new pg.Client({ ...this.options, application_name: 'watch' });
    if (!known) {
      this.watcher = client;
      client.on('error', () => this.drop(client));
      client.on('end', () => this.drop(client));
    }
    try {
      if (!known) await client.connect();
      await client.query('select 1');
    } catch {
      this.drop(client);
    }
  }

  private drop(client: pg.Client): void {
    if (this.watcher === client) this.watcher = undefined;
    discard(client);
  }

  private change(silent: boolean): void {
    if (silent === (this.silence !== undefined)) return;
    this.silence = silent ? new DatabaseSilent() : undefined;
    if (this.silence) this.interrupt(this.silence);
    this.onSilence(silent);
  }

  /** Ends every connection, and with it what waits for an answer. */
  private interrupt(error: Error): void {
    for (const reject of this.waiting) reject(error);
    this.waiting.clear();
    for (const client of this.borrowed) discard(client);
    for (let idle = this.idleCount; idle > 0; idle--) super.connect().then((c) => c.release(true), ignore);
  }
}

const ignore = () => undefined;

/** Ends a connection. A query that runs on it fails at once. */
function discard(client: pg.ClientBase | undefined): void {
  if (client instanceof pg.Client) client.end().catch(ignore);
}

/**
 * True if the promise resolves in time. After a pause of the event loop the timer comes first, so the answer may already
 * wait in the socket: give it another turn.
 */
async function within(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const timer = new AbortController();
  const late = sleep(ms, undefined, { ref: false, signal: timer.signal }).then(() => nextTurn());
  const inTime = await Promise.race([promise.then(() => true), late.then(() => nextTurn()).then(() => false)]);
  timer.abort();
  late.catch(ignore);
  return inTime;
}
