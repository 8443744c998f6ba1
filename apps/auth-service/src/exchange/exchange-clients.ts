/** Stores the services that may exchange tokens. Each change commits together with its audit row. */
import { Injectable } from '@nestjs/common';
import { createHash, randomBytes } from 'node:crypto';
import { columnsOf, Database, prepared, type Tx } from '#platform';
import { record } from '../audit/audit.js';
import { ExchangeClientEntity } from './exchange.entity.js';

/** The previous secret is included only while it is valid. */
export type ExchangeClient = Omit<ExchangeClientEntity, 'createdAt'>;

/** A client with `jwks` authenticates by `private_key_jwt` and has no secret. */
export type NewExchangeClient = Pick<ExchangeClientEntity, 'id' | 'tenants' | 'audiences' | 'tokenKinds' | 'jwks'>;

export const secretHashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();

const SELECT = `select ${columnsOf(ExchangeClientEntity, { only: ['id', 'tenants', 'audiences', 'tokenKinds', 'secretHash', 'jwks'] })},
  case when previous_valid_until > clock_timestamp() then previous_hash end as "previousHash",
  case when previous_valid_until > clock_timestamp() then previous_valid_until end as "previousValidUntil"
  from exchange_client`;
const findSql = prepared(`${SELECT} where id = $1`);

const REPLACE = `do update set tenants = excluded.tenants, audiences = excluded.audiences,
  token_kinds = excluded.token_kinds, jwks = excluded.jwks,
  secret_hash = case when excluded.jwks is null then coalesce(c.secret_hash, excluded.secret_hash) end,
  previous_hash = case when excluded.jwks is null then c.previous_hash end,
  previous_valid_until = case when excluded.jwks is null then c.previous_valid_until end`;

@Injectable()
export class ExchangeClients {
  constructor(private readonly database: Database) {}

  /** Reads the table on each exchange, so that every replica refuses a removed client at once. */
  async find(id: string): Promise<ExchangeClient | null> {
    const [client] = await this.database.query<ExchangeClient>(findSql, [id]);
    return client ?? null;
  }

  list(): Promise<ExchangeClient[]> {
    return this.database.query<ExchangeClient>(`${SELECT} order by id`);
  }

  /** Creates a client. Returns its new secret, null if it uses keys, or undefined if the id already exists. */
  create(client: NewExchangeClient, by: string): Promise<string | null | undefined> {
    return this.save('created', client, 'do nothing', by);
  }

  /**
   * Replaces a client, or creates it. A client without keys keeps its secret. If it has no secret yet, a new secret is
   * created and returned.
   */
  async put(client: NewExchangeClient, by: string): Promise<string | null> {
    return (await this.save('changed', client, REPLACE, by)) ?? null;
  }

  /**
   * Replaces the secret. The current secret stays valid for `graceMs`. Earlier secrets become invalid at once. Returns
   * null if the client does not exist or has no secret.
   */
  async rotate(
    id: string,
    graceMs: number,
    by: string,
  ): Promise<{ clientSecret: string; previousSecretValidUntil: Date | null } | null> {
    const clientSecret = newSecret();
    return this.database.tx(async (tx) => {
      const [row] = await tx.query<{ until: Date | null }>(
        `update exchange_client set secret_hash = $2, previous_hash = case when $3::float8 > 0 then secret_hash end,
           previous_valid_until = case when $3 > 0 then clock_timestamp() + make_interval(secs => $3 / 1000) end
         where id = $1 and secret_hash is not null returning previous_valid_until as until`,
        [id, secretHashOf(clientSecret), graceMs],
      );
      if (!row) return null;
      await recordChange(tx, 'secret_rotated', { client: id, by, until: row.until });
      return { clientSecret, previousSecretValidUntil: row.until };
    });
  }

  remove(id: string, by: string): Promise<boolean> {
    return this.database.tx(async (tx) => {
      const removed = await tx.query('delete from exchange_client where id = $1 returning 1', [id]);
      if (removed.length > 0) await recordChange(tx, 'removed', { client: id, by });
      return removed.length > 0;
    });
  }

  /** Removes an erased tenant from the clients that also serve others. A list of tenants never becomes empty. */
  async forgetTenant(tenant: string): Promise<void> {
    await this.database.query(
      `update exchange_client set tenants = array_remove(tenants, $1)
        where $1 = any(tenants) and tenants <> array[$1]::uuid[]`,
      [tenant],
    );
  }

  private save(
    code: string,
    { id, jwks, ...policy }: NewExchangeClient,
    onConflict: string,
    by: string,
  ): Promise<string | null | undefined> {
    const secret = newSecret();
    const values = [id, policy.tenants, policy.audiences, policy.tokenKinds, jwks && JSON.stringify(jwks)];
    return this.database.tx(async (tx) => {
      const [row] = await tx.query<{ isNew: boolean }>(
        `insert into exchange_client as c (id, tenants, audiences, token_kinds, jwks, secret_hash)
         values ($1, $2, $3, $4, $5, case when $5::jsonb is null then $6::bytea end) on conflict (id) ${onConflict}
         returning coalesce(secret_hash = $6, false) as "isNew"`,
        [...values, secretHashOf(secret)],
      );
      if (!row) return undefined;
      const authentication = jwks ? 'private_key_jwt' : 'client_secret_basic';
      await recordChange(tx, code, { client: id, ...policy, authentication, by });
      return row.isNew ? secret : null;
    });
  }
}

const recordChange = (tx: Tx, code: string, detail: Readonly<Record<string, unknown>>): Promise<void> =>
  record(tx, { event: 'exchange_client', code, detail });

/** Makes a secret of 256 random bits. The database stores only its hash. */
const newSecret = (): string => randomBytes(32).toString('base64url');
