/** The database of a stack: an existing one, or the stack's own Postgres, which is started again when it ends. */
import { Client } from 'pg';
import { startPostgres, type LocalPostgres, type PostgresOptions } from './postgres.js';

const DATABASE = 'stackflow';

export class StackDatabase {
  private stopping = false;

  private constructor(
    /** URL of an administrator of the stack's own database. */
    readonly url: string,
    private server: LocalPostgres | undefined,
    private readonly options: PostgresOptions | undefined,
  ) {}

  static given(url: string): StackDatabase {
    return new StackDatabase(url, undefined, undefined);
  }

  static async start(options: PostgresOptions): Promise<StackDatabase> {
    const server = await startPostgres(options);
    try {
      await createDatabase(server.url);
    } catch (error) {
      await server.stop();
      throw error;
    }
    const url = new URL(server.url);
    url.pathname = `/${DATABASE}`;
    const database = new StackDatabase(url.href, server, options);
    database.watch();
    return database;
  }

  /** Port of the stack's own Postgres; undefined if DATABASE_URL names an existing database. */
  get port(): number | undefined {
    return this.server?.port;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.server?.stop();
  }

  /** Starts Postgres again when it ends, because the services keep running and would otherwise wait forever. */
  private watch(): void {
    const { server, options } = this;
    if (!server || !options) return;
    void server.ended
      .then(async () => {
        if (this.stopping) return;
        options.log?.('Postgres ended; starting it again');
        this.server = await startPostgres({ ...options, port: server.port });
        if (this.stopping) await this.server.stop();
        else this.watch();
      })
      .catch((error: unknown) => options.log?.(`Postgres could not be started again: ${String(error)}`));
  }
}

async function createDatabase(server: string): Promise<void> {
  const client = new Client({ connectionString: server });
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`create database ${DATABASE}`);
  } finally {
    await client.end();
  }
}
