/**
 * Secrets and their versions. A change of labels locks the secret's row, so that concurrent changes run one after
 * another.
 */
import { randomBytes } from 'node:crypto';
import type { Database, Queryable, Tx } from '#platform';
import { AwsError } from '../aws/aws-error.js';
import type { SecretValue } from './shapes.js';
import type { Stages } from './stages.js';

export interface SecretRow {
  name: string;
  arn: string;
  description: string | null;
  tags: { Key: string; Value: string }[];
  created: number;
  changed: number;
  deleted: number | null;
  purged: number | null;
}
export interface VersionRow {
  id: string;
  secret_string: string | null;
  secret_binary: Buffer | null;
  stages: string[];
  created: number;
}

const SECRET = `name, arn, description, tags, extract(epoch from created_at)::float8 as created, extract(epoch from changed_at)::float8 as changed,
  extract(epoch from deleted_at)::float8 as deleted, extract(epoch from purge_at)::float8 as purged`;
const VERSION = `id, secret_string, secret_binary, stages, extract(epoch from created_at)::float8 as created`;

export const notFound = (): AwsError =>
  new AwsError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
const deleted = (): AwsError =>
  new AwsError(
    'InvalidRequestException',
    "You can't perform this operation on the secret because it was marked for deletion.",
  );

/** The condition that finds a secret by name, by ARN, or by an ARN without its random suffix, as AWS does. */
const BY_ID = `where (name = $1 or arn = $1 or ($1 like 'arn:%' and arn like replace(replace($1, '%', ''), '_', '\\_') || '-______'))`;

export class SecretStore {
  constructor(
    private readonly database: Database,
    private readonly region: string,
  ) {}

  /** Reads a secret. With `lock`, other writers wait until the transaction ends. */
  async find(
    db: Queryable,
    secretId: string,
    options: { lock?: boolean; evenDeleted?: boolean } = {},
  ): Promise<SecretRow> {
    const [row] = await db.query<SecretRow>(
      `select ${SECRET} from secret ${BY_ID} and (purge_at is null or purge_at > now()) ${options.lock ? 'for update' : ''}`,
      [secretId],
    );
    if (!row) throw notFound();
    if (row.deleted !== null && !options.evenDeleted) throw deleted();
    return row;
  }

  async versions(db: Queryable, name: string): Promise<VersionRow[]> {
    return db.query<VersionRow>(`select ${VERSION} from secret_version where secret_name = $1 order by created_at`, [
      name,
    ]);
  }

  async read(secretId: string): Promise<{ secret: SecretRow; versions: VersionRow[] }> {
    const secret = await this.find(this.database, secretId);
    return { secret, versions: await this.versions(this.database, secret.name) };
  }

  change<T>(
    secretId: string,
    options: { evenDeleted?: boolean },
    work: (tx: Tx, secret: SecretRow) => Promise<T>,
  ): Promise<T> {
    return this.tx(async (tx) => work(tx, await this.find(tx, secretId, { lock: true, ...options })));
  }

  /** Stores a new secret. Returns undefined if the name is taken. */
  async insert(tx: Tx, name: string, description: string | undefined, tags: object[]): Promise<SecretRow | undefined> {
    await tx.query('delete from secret where name = $1 and purge_at <= now()', [name]);
    const arn = `arn:aws:secretsmanager:${this.region}:000000000000:secret:${name}-${randomBytes(6).toString('base64url').replace(/[-_]/g, 'x').slice(0, 6)}`;
    const [row] = await tx.query<SecretRow>(
      `insert into secret (name, arn, description, tags) values ($1, $2, $3, $4) on conflict (name) do nothing returning ${SECRET}`,
      [name, arn, description ?? null, JSON.stringify(tags)],
    );
    return row;
  }

  async addVersion(tx: Tx, name: string, id: string, value: SecretValue): Promise<void> {
    const binary = value.SecretBinary === undefined ? null : Buffer.from(value.SecretBinary, 'base64');
    await tx.query(
      `insert into secret_version (secret_name, id, secret_string, secret_binary, stages) values ($1, $2, $3, $4, '{}')`,
      [name, id, value.SecretString ?? null, binary],
    );
    await tx.query(`update secret set changed_at = clock_timestamp() where name = $1`, [name]);
  }

  async saveStages(tx: Tx, name: string, stages: Stages): Promise<void> {
    for (const [id, labels] of stages)
      await tx.query(`update secret_version set stages = $3 where secret_name = $1 and id = $2`, [name, id, labels]);
  }

  async schedulePurge(tx: Tx, name: string, days: number): Promise<number> {
    const [row] = await tx.query<{ purged: number }>(
      `update secret set deleted_at = clock_timestamp(), purge_at = clock_timestamp() + make_interval(days => $2)
        where name = $1 returning extract(epoch from purge_at)::float8 as purged`,
      [name, days],
    );
    return row?.purged ?? 0;
  }

  async restore(tx: Tx, name: string): Promise<void> {
    await tx.query('update secret set deleted_at = null, purge_at = null where name = $1', [name]);
  }

  async purge(tx: Tx, secretId: string): Promise<SecretRow | undefined> {
    const [row] = await tx.query<SecretRow>(`delete from secret ${BY_ID} returning ${SECRET}`, [secretId]);
    return row;
  }

  /** Lists secrets by name. The page starts after the name `after` in the requested order. */
  async list(options: {
    after: string | null;
    limit: number;
    descending: boolean;
    evenDeleted: boolean;
  }): Promise<SecretRow[]> {
    const order = options.descending ? 'desc' : 'asc';
    return this.database.query<SecretRow>(
      `select ${SECRET} from secret
        where ($1::text is null or name ${options.descending ? '<' : '>'} $1) and (purge_at is null or (purge_at > now() and $2))
        order by name ${order} limit $3`,
      [options.after, options.evenDeleted, options.limit],
    );
  }

  tx<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.database.tx(work);
  }
}

export const stagesOf = (versions: readonly VersionRow[]): Stages => new Map(versions.map((v) => [v.id, v.stages]));
