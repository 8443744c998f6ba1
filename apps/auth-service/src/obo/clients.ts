/** Services that may exchange tokens: how they prove who they are, what each may have, and whose tokens a tenant takes. */
import { createHash } from 'node:crypto';
import type { JSONWebKeySet } from 'jose';
import { prepared, type Database, type Queryable } from '#platform';

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
  /** Of the secret before, while it is still valid. */
  readonly previousHash: Buffer | null;
  readonly previousValidUntil: Date | null;
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

const COLUMNS = `id, tenants, audiences, token_kinds as "tokenKinds", secret_hash as "secretHash", jwks,
  case when previous_valid_until > clock_timestamp() then previous_hash end as "previousHash",
  case when previous_valid_until > clock_timestamp() then previous_valid_until end as "previousValidUntil"`;

const findSql = prepared(`select ${COLUMNS} from client where id = $1`);
const sourceSql = prepared(
  `select issuer, audience, client_ids as "clientIds", scope from exchange_source where tenant = $1`,
);

/** What an exchange asks. Read from the table each time, so that a client that was removed is gone on every replica. */
export class Clients {
  constructor(private readonly database: Database) {}

  async find(id: string): Promise<OboClient | null> {
    const [client] = await this.database.query<OboClient>(findSql, [id]);
    return client ?? null;
  }

  list(): Promise<OboClient[]> {
    return this.database.query<OboClient>(`select ${COLUMNS} from client order by id`);
  }

  async sourceOf(tenant: string): Promise<ExchangeSource | null> {
    return readSource(this.database, tenant);
  }
}

export async function readSource(queryable: Queryable, tenant: string): Promise<ExchangeSource | null> {
  const [row] = await queryable.query<ExchangeSource>(sourceSql, [tenant]);
  return row ?? null;
}
