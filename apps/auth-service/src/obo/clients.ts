/** Services that may exchange tokens: how they prove who they are, and what each may have. */
import { createHash, randomBytes } from 'node:crypto';
import type { JSONWebKeySet } from 'jose';
import type { Database } from '#platform';

export const TOKEN_KINDS = ['id_token', 'access_token', 'org_access_token'] as const;
/** `access_token`: of the tenant's custom authorization server; `org_access_token`: of its org server. */
export type TokenKind = (typeof TOKEN_KINDS)[number];

export interface ClientPolicy {
  readonly tenants: readonly string[];
  readonly audiences: readonly string[];
  readonly tokenKinds: readonly TokenKind[];
}

export interface OboClient extends ClientPolicy {
  readonly id: string;
  readonly secretHash: Buffer | null;
  readonly jwks: JSONWebKeySet | null;
}

/** Whose access tokens a tenant takes. */
export interface ExchangeSource {
  readonly issuer: string;
  readonly audience: string;
  readonly clientIds: readonly string[];
  readonly scope: string;
}

export const secretHashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();
const COLUMNS = `id, tenants, audiences, token_kinds as "tokenKinds", secret_hash as "secretHash", jwks`;

export class Clients {
  constructor(private readonly database: Database) {}

  async find(id: string): Promise<OboClient | null> {
    const text = `select ${COLUMNS} from client where id = $1`;
    const [client] = await this.database.query<OboClient>({ name: 'find_client', text, values: [id] });
    return client ?? null;
  }

  list(): Promise<OboClient[]> {
    return this.database.query<OboClient>(`select ${COLUMNS} from client order by id`);
  }

  /** With keys it authenticates by them. Otherwise a secret is made, unless it has one already; it is answered this once. */
  async put(id: string, policy: ClientPolicy, jwks: JSONWebKeySet | null, newSecret: boolean): Promise<string | null> {
    const secret = randomBytes(32).toString('base64url');
    const [row] = await this.database.query<{ fresh: boolean }>(
      `insert into client as c (id, tenants, audiences, token_kinds, secret_hash, jwks)
       values ($1, $2, $3, $4, case when $5::jsonb is null then $6::bytea end, $5)
       on conflict (id) do update set tenants = excluded.tenants, audiences = excluded.audiences,
         token_kinds = excluded.token_kinds, jwks = excluded.jwks,
         secret_hash = case when $5::jsonb is not null then null when $7 then $6 else coalesce(c.secret_hash, $6) end
       returning coalesce(secret_hash = $6, false) as fresh`,
      [
        id,
        policy.tenants,
        policy.audiences,
        policy.tokenKinds,
        jwks && JSON.stringify(jwks),
        secretHashOf(secret),
        newSecret,
      ],
    );
    return row?.fresh ? secret : null;
  }

  async remove(id: string): Promise<boolean> {
    return (await this.database.query('delete from client where id = $1 returning 1', [id])).length > 0;
  }

  async sourceOf(tenant: string): Promise<ExchangeSource | null> {
    const text = `select issuer, audience, client_ids as "clientIds", scope from exchange_source where tenant = $1`;
    const [row] = await this.database.query<ExchangeSource>({ name: 'find_source', text, values: [tenant] });
    return row ?? null;
  }

  async putSource(tenant: string, { issuer, audience, clientIds, scope }: ExchangeSource): Promise<void> {
    await this.database.query(
      `insert into exchange_source (tenant, issuer, audience, client_ids, scope) values ($1, $2, $3, $4, $5)
       on conflict (tenant) do update set issuer = excluded.issuer, audience = excluded.audience,
         client_ids = excluded.client_ids, scope = excluded.scope`,
      [tenant, issuer, audience, clientIds, scope],
    );
  }
}
