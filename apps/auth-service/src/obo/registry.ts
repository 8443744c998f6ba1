/** What operators change of the exchange: clients and a tenant's source. Each change commits with the row that tells of it. */
import { randomBytes } from 'node:crypto';
import type { JSONWebKeySet } from 'jose';
import type { Database, Tx } from '#platform';
import { record } from '../audit.js';
import { secretHashOf, type ClientPolicy, type ExchangeSource } from './clients.js';

/** Who answers for a change. */
export type Operator = string;

export interface NewClient extends ClientPolicy {
  readonly id: string;
  /** Then the client authenticates by `private_key_jwt` and has no secret. */
  readonly jwks: JSONWebKeySet | null;
}

const WRITTEN = 'id, tenants, audiences, token_kinds, jwks, secret_hash';
const VALUES = '$1, $2, $3, $4, $5, case when $5::jsonb is null then $6::bytea end';
const REPLACED = `tenants = excluded.tenants, audiences = excluded.audiences, token_kinds = excluded.token_kinds,
  jwks = excluded.jwks,
  secret_hash = case when excluded.jwks is null then coalesce(c.secret_hash, excluded.secret_hash) end,
  previous_hash = case when excluded.jwks is null then c.previous_hash end,
  previous_valid_until = case when excluded.jwks is null then c.previous_valid_until end`;

export class Registry {
  constructor(private readonly database: Database) {}

  /** The secret is in this answer and nowhere else, ever; null with keys. `undefined` = there is such a client already. */
  create(client: NewClient, by: Operator): Promise<string | null | undefined> {
    return this.save('created', client, 'do nothing', by);
  }

  /** Replaces all of it but the secret, which is made only where there is none, and answered this once. */
  async put(client: NewClient, by: Operator): Promise<string | null> {
    return (await this.save('changed', client, `do update set ${REPLACED}`, by)) ?? null;
  }

  /** A new secret; the one in force stays valid for `graceMs`, the one before that is over. Null = no client with a secret. */
  async rotate(
    id: string,
    graceMs: number,
    by: Operator,
  ): Promise<{ clientSecret: string; until: Date | null } | null> {
    const clientSecret = newSecret();
    return this.database.tx(async (tx) => {
      const [row] = await tx.query<{ until: Date | null }>(
        `update client set secret_hash = $2, previous_hash = case when $3::float8 > 0 then secret_hash end,
           previous_valid_until = case when $3 > 0 then clock_timestamp() + make_interval(secs => $3 / 1000) end
         where id = $1 and secret_hash is not null returning previous_valid_until as until`,
        [id, secretHashOf(clientSecret), graceMs],
      );
      if (!row) return null;
      await record(tx, { event: 'obo_client', code: 'secret_rotated', detail: { client: id, by, until: row.until } });
      return { clientSecret, until: row.until };
    });
  }

  remove(id: string, by: Operator): Promise<boolean> {
    return this.database.tx(async (tx) => {
      const gone = (await tx.query('delete from client where id = $1 returning 1', [id])).length > 0;
      if (gone) await record(tx, { event: 'obo_client', code: 'removed', detail: { client: id, by } });
      return gone;
    });
  }

  putSource(tenant: string, source: ExchangeSource, by: Operator): Promise<void> {
    return this.database.tx(async (tx) => {
      await tx.query(
        `insert into exchange_source (tenant, issuer, audience, client_ids, scope) values ($1, $2, $3, $4, $5)
         on conflict (tenant) do update set issuer = excluded.issuer, audience = excluded.audience,
           client_ids = excluded.client_ids, scope = excluded.scope`,
        [tenant, source.issuer, source.audience, source.clientIds, source.scope],
      );
      await record(tx, { event: 'obo_source', code: 'changed', tenant, detail: { ...source, by } });
    });
  }

  removeSource(tenant: string, by: Operator): Promise<boolean> {
    return this.database.tx(async (tx) => {
      const gone = (await tx.query('delete from exchange_source where tenant = $1 returning 1', [tenant])).length > 0;
      if (gone) await record(tx, { event: 'obo_source', code: 'removed', tenant, detail: { by } });
      return gone;
    });
  }

  private save(code: string, client: NewClient, onConflict: string, by: Operator): Promise<string | null | undefined> {
    const secret = newSecret();
    const { id, jwks, ...policy } = client;
    const values = [id, policy.tenants, policy.audiences, policy.tokenKinds, jwks && JSON.stringify(jwks)];
    return this.database.tx(async (tx: Tx) => {
      const [row] = await tx.query<{ fresh: boolean }>(
        `insert into client as c (${WRITTEN}) values (${VALUES}) on conflict (id) ${onConflict}
         returning coalesce(secret_hash = $6, false) as fresh`,
        [...values, secretHashOf(secret)],
      );
      if (!row) return undefined;
      const authentication = jwks ? 'private_key_jwt' : 'client_secret_basic';
      await record(tx, { event: 'obo_client', code, detail: { client: id, ...policy, authentication, by } });
      return row.fresh ? secret : null;
    });
  }
}

/** 256 bits; the database keeps its hash. */
const newSecret = (): string => randomBytes(32).toString('base64url');
