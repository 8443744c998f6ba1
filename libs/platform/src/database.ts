/**
 * The database of one service, with its own role and schema. A TypeORM data source serves migrations, entities and
 * ordinary reads. Frequent and locking statements are plain SQL on the same pool, because creating rows with
 * TypeORM's `save()` takes 2.4-2.9 times as long as with SQL.
 */
import { createHash } from 'node:crypto';
import { isNativeError } from 'node:util/types';
import { DataSource, type MigrationInterface, type ObjectLiteral, type Repository } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import pg from 'pg';
import { SnakeCaseNaming } from './entities.js';
import type { Logger } from './logging.js';
import { WatchedPool } from './watched-pool.js';

export type Sql = string | { name?: string; text: string; values?: unknown[] };

/** A statement that each connection parses and plans only once; see {@link prepared}. */
export interface Prepared {
  readonly name: string;
  readonly text: string;
}

/**
 * Prepares a frequent statement, because planning can take half of its time. The text must be a constant. The statement
 * must find its rows by a key, because Postgres may keep a plan that it chose while the table was small.
 */
export const prepared = (text: string): Prepared => ({
  name: createHash('sha256').update(text).digest('base64url').slice(0, 24),
  text,
});

/** Copies the statement, because the driver writes the values into it. */
const statement = (sql: Sql | Prepared): Sql => (typeof sql === 'string' ? sql : { ...sql });

/** Postgres answered COMMIT with ROLLBACK, because a statement failed and its error was ignored. */
export class RolledBack extends Error {
  constructor() {
    super('the transaction was rolled back: a statement in it failed and the failure was ignored; use a savepoint');
    this.name = 'RolledBack';
  }
}

/** The oldest major version of Postgres on which the SQL of this repository runs (`returning old`, `uuidv7()`). */
const OLDEST_POSTGRES = 18;

/** The server is too old. Without this check, the service would start, and each of its transactions would fail. */
export class PostgresTooOld extends Error {
  constructor(version: number) {
    super(
      `PostgreSQL ${OLDEST_POSTGRES} or newer is needed; this server is ${Math.floor(version / 10_000)}.${version % 10_000}`,
    );
    this.name = 'PostgresTooOld';
  }
}

/** Runs SQL, either on the database, where each statement has its own transaction, or in an open transaction. */
export interface Queryable {
  query<T = Record<string, unknown>>(sql: Sql | Prepared, values?: unknown[]): Promise<T[]>;
}

/** An open transaction. Only {@link Database.tx} creates one, so a function with a `Tx` parameter writes atomically. */
export class Tx implements Queryable {
  private open = true;
  private readonly after: (() => void)[] = [];

  /** @internal */
  constructor(private readonly client: pg.PoolClient) {}

  async query<T = Record<string, unknown>>(sql: Sql | Prepared, values?: unknown[]): Promise<T[]> {
    if (!this.open) throw new Error('this transaction has ended; a write after its end would not be atomic');
    const result = await this.client.query(statement(sql) as string, values);
    return result.rows as T[];
  }

  /**
   * Registers a function to call after a successful commit. A crash can prevent this call, so the function must only
   * have effects that may be lost.
   */
  afterCommit(hint: () => void): void {
    this.after.push(hint);
  }

  /** Runs `work` under a savepoint: if it throws, its writes are undone and the transaction can continue. */
  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    await this.query('savepoint s');
    try {
      const result = await work();
      await this.query('release savepoint s');
      return result;
    } catch (error) {
      // Release the savepoint: after the rollback it still exists, and would hide an outer savepoint of the same name.
      // Ignore errors of these two statements, because the original error is more useful.
      await this.query('rollback to savepoint s')
        .then(() => this.query('release savepoint s'))
        .catch(() => undefined);
      throw error;
    }
  }

  /** @internal */
  end(committed: boolean): void {
    this.open = false;
    if (!committed) return;
    for (const hint of this.after) {
      try {
        hint();
      } catch {
        // Ignore the error: the transaction is committed, so the caller must not see a failure.
      }
    }
  }
}

export interface DatabaseOptions {
  readonly url: string;
  /** The schema of this service; it comes first on the search path. */
  readonly schema: string;
  /** A role that every connection takes on, e.g. the owner of the schema. The role in `url` must be a member. */
  readonly role?: string;
  readonly poolSize?: number;
  readonly applicationName?: string;
  readonly migrations?: (new () => MigrationInterface)[];
  // oxlint-disable-next-line typescript/no-unsafe-function-type -- TypeORM's own type of an entity class
  readonly entities?: Function[];
  /** Maximum duration of a statement in milliseconds; 0 means no limit. */
  readonly statementTimeoutMs?: number;
  readonly connectTimeoutMs?: number;
  /** Logs when the database stops answering, and when it answers again. */
  readonly logger?: Logger;
}

/** Time beyond its limit after which a statement without an answer counts as lost, with its connection. */
const DEAD_AFTER_MS = 5_000;

/** SQLSTATEs and driver codes that mean an unavailable database, not a wrong statement. */
const OUTAGE = /^(08|57P0[1-3]|53[0-4]|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|ENOENT)/;

/** Returns true if the database is unavailable (down, restarting, out of connections), so that a new attempt may succeed. */
export function isDatabaseOutage(error: unknown): boolean {
  // Do not use `instanceof` here, because errors of Node's sockets may come from another realm than this module (jest,
  // vm).
  if (!isNativeError(error)) return false;
  // Node reports a client that ends its HTTP request early with the code of a lost connection.
  if (error.message === 'aborted') return false;
  const code = stringProperty(error, 'code');
  if (code !== undefined && OUTAGE.test(code)) return true;
  const { errors } = error as { errors?: unknown };
  if (Array.isArray(errors)) return errors.some(isDatabaseOutage);
  return /Connection terminated|Query read timeout|timeout exceeded when trying to connect|Client has encountered a connection error|not queryable|server closed the connection/i.test(
    error.message,
  );
}

/** Returns the SQLSTATE of a Postgres error, e.g. `23505` for a unique violation, or undefined for any other error. */
export function sqlState(error: unknown): string | undefined {
  const code = stringProperty(error, 'code');
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

export function violatedConstraint(error: unknown): string | undefined {
  return stringProperty(error, 'constraint');
}

function stringProperty(error: unknown, name: 'code' | 'constraint'): string | undefined {
  const value = isNativeError(error) ? (error as Error & Partial<Record<typeof name, unknown>>)[name] : undefined;
  return typeof value === 'string' ? value : undefined;
}

export class Database implements Queryable {
  private constructor(
    readonly dataSource: DataSource,
    readonly pool: WatchedPool,
    readonly schema: string,
  ) {}

  /** Rejects with {@link PostgresTooOld} if the server cannot run the SQL of this repository. */
  static async connect(options: DatabaseOptions): Promise<Database> {
    const { statementTimeoutMs = 30_000 } = options;
    const dataSource = new DataSource({
      type: 'postgres',
      driver: { Pool: WatchedPool, defaults: pg.defaults, types: pg.types },
      url: options.url,
      schema: options.schema,
      applicationName: options.applicationName ?? options.schema,
      entities: options.entities ?? [],
      migrations: options.migrations ?? [],
      migrationsTableName: 'migrations',
      namingStrategy: new SnakeCaseNaming(),
      installExtensions: false,
      poolErrorHandler: () => undefined, // an idle database connection broke; the pool replaces it
      extra: {
        max: options.poolSize ?? 10,
        connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
        statement_timeout: statementTimeoutMs,
        // The server ends a long statement. This limit is for a single connection that is dead without an error.
        query_timeout: statementTimeoutMs === 0 ? 0 : statementTimeoutMs + DEAD_AFTER_MS,
        options: `-c search_path=${options.schema}${options.role === undefined ? '' : ` -c role=${options.role}`}`,
        keepAlive: true,
      },
    });
    await dataSource.initialize();
    const pool = (dataSource.driver as PostgresDriver).master as WatchedPool;
    const database = new Database(dataSource, pool, options.schema);
    try {
      await database.checkVersion();
    } catch (error) {
      await database.close();
      throw error;
    }
    pool.onSilence = (silent) => {
      if (silent)
        options.logger?.error(
          { code: 'database_silent' },
          'Postgres accepts connections but does not answer. Requests are answered 503 until it does. Check the server and its disks.',
        );
      else options.logger?.info('Postgres answers again.');
    };
    pool.watch();
    return database;
  }

  private async checkVersion(): Promise<void> {
    const [row] = await this.query<{ server_version_num: string }>('show server_version_num');
    const version = Number(row?.server_version_num);
    if (version < OLDEST_POSTGRES * 10_000) throw new PostgresTooOld(version);
  }

  /** Use it for ordinary reads, and SQL through {@link tx} for atomic writes and frequent reads. */
  repository<T extends ObjectLiteral>(entity: new () => T): Repository<T> {
    return this.dataSource.getRepository(entity);
  }

  async query<T = Record<string, unknown>>(sql: Sql | Prepared, values?: unknown[]): Promise<T[]> {
    const result = await this.pool.query(statement(sql) as string, values);
    return result.rows as T[];
  }

  /** Commits when `work` resolves and rolls back when `work` rejects. A broken connection is not reused. */
  async tx<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    const tx = new Tx(client);
    let broken: Error | undefined;
    const onError = (error: Error) => (broken = error);
    client.on('error', onError);
    let committed = false;
    try {
      await client.query('begin');
      const result = await work(tx);
      // Postgres answers ROLLBACK, without an error, if a statement failed and `work` ignored its error.
      const { command } = await client.query('commit');
      if (command !== 'COMMIT') throw new RolledBack();
      committed = true;
      return result;
    } catch (error) {
      if (isDatabaseOutage(error)) broken ??= error as Error;
      else await client.query('rollback').catch((e: Error) => (broken ??= e));
      throw error;
    } finally {
      client.off('error', onError);
      client.release(broken);
      tx.end(committed);
    }
  }

  /**
   * Applies the pending migrations under an advisory lock, so that replicas that start together do not race. Resolves
   * with the names of the applied migrations.
   */
  async migrate(): Promise<string[]> {
    const lock = await this.pool.connect();
    try {
      await lock.query('select pg_advisory_lock(hashtextextended($1, 0))', [`migrate:${this.schema}`]);
      const done = await this.dataSource.runMigrations({ transaction: 'each' });
      return done.map((m) => m.name);
    } finally {
      await lock.query('select pg_advisory_unlock_all()').catch(() => undefined);
      lock.release();
    }
  }

  async close(): Promise<void> {
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
  }
}
