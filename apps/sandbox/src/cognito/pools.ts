/** User pools. No operation changes an existing pool, so each pool is read once and cached. */
import type { Database, Queryable } from '#platform';
import type { z } from 'zod';
import { AwsError, invalidParameter } from '../aws/aws-error.js';
import { operation, type Operation } from '../aws/aws-listener.js';
import { randomText } from '../text.js';
import { defaultClient, insertClient } from './clients.js';
import { DEFAULT_POLICY, type PasswordPolicy } from './password.js';
import { customAttribute, poolSchema, type SchemaAttribute } from './schema.js';
import type { CreateUserPool } from './shapes.js';

export interface Pool {
  readonly id: string;
  readonly name: string;
  readonly schema: readonly SchemaAttribute[];
  readonly policy: PasswordPolicy;
  readonly caseSensitive: boolean;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly createdAt: number;
}

const POOL = `id, name, schema, password_policy as policy, case_sensitive as "caseSensitive", settings,
  extract(epoch from created_at)::float8 as "createdAt"`;

/** The key of a user in its pool: the username, in lower case unless the pool is case-sensitive. */
export const usernameKey = (pool: Pool, username: string): string =>
  pool.caseSensitive ? username : username.toLowerCase();

export interface DefaultPool {
  readonly userPoolId: string;
  readonly clientId: string;
  readonly region: string;
}

export class Pools {
  private readonly known = new Map<string, Pool>();

  constructor(
    private readonly database: Database,
    readonly region: string,
  ) {}

  /** Defines an operation on one pool, which must exist. */
  readonly operation = <I extends { readonly UserPoolId: string }>(
    shape: z.ZodType<I>,
    handler: (input: I, pool: Pool) => Promise<object>,
  ): Operation => operation(shape, async (input) => handler(input, await this.get(input.UserPoolId)));

  async get(id: string): Promise<Pool> {
    const known = this.known.get(id);
    if (known) return known;
    const [row] = await this.database.query<Pool>(`select ${POOL} from cognito_pool where id = $1`, [id]);
    if (!row) throw new AwsError('ResourceNotFoundException', `User pool ${id} does not exist.`);
    return this.remember(row);
  }

  async create(input: CreateUserPool): Promise<Pool> {
    if (input.UsernameAttributes.length > 0 || input.AliasAttributes.length > 0) {
      throw invalidParameter(
        'the sandbox knows plain usernames only: leave UsernameAttributes and AliasAttributes empty',
      );
    }
    return this.insert(this.database, input, false);
  }

  /** Creates the default pool at the first start. Later starts only add attributes to its schema. */
  async ensureDefault(customAttributes: readonly string[]): Promise<DefaultPool> {
    const declared = customAttributes.map((Name) => ({
      Name,
      AttributeDataType: 'String' as const,
      Mutable: true,
      StringAttributeConstraints: { MinLength: '0', MaxLength: '2048' },
    }));
    return this.database.tx(async (tx) => {
      // Two sandboxes may start at the same time. With this lock, the second one finds the pool of the first.
      await tx.query(`select pg_advisory_xact_lock(hashtextextended('sandbox:default-pool', 0))`);
      const [row] = await tx.query<Pool>(`select ${POOL} from cognito_pool where is_default`);
      const pool = row
        ? this.remember(row)
        : await this.insert(
            tx,
            {
              PoolName: 'stackflow',
              Schema: declared,
              UsernameAttributes: [],
              AliasAttributes: [],
              UsernameConfiguration: { CaseSensitive: false },
            },
            true,
          );
      const missing = declared.map(customAttribute).filter((a) => !pool.schema.some((s) => s.Name === a.Name));
      if (missing.length > 0) {
        const [grown] = await tx.query<Pool>(
          `update cognito_pool set schema = schema || $2::jsonb where id = $1 returning ${POOL}`,
          [pool.id, JSON.stringify(missing)],
        );
        this.remember(grown);
      }
      const [client] = await tx.query<{ id: string }>(
        `select id from cognito_client where pool_id = $1 order by created_at limit 1`,
        [pool.id],
      );
      const clientId = client?.id ?? (await insertClient(tx, defaultClient(pool.id))).id;
      return { userPoolId: pool.id, clientId, region: this.region };
    });
  }

  async view(pool: Pool): Promise<object> {
    const [row] = await this.database.query<{ users: number }>(
      'select count(*)::int as users from cognito_user where pool_id = $1',
      [pool.id],
    );
    return this.describe(pool, row?.users ?? 0);
  }

  describe(pool: Pool, users: number): object {
    return {
      Id: pool.id,
      Name: pool.name,
      Arn: `arn:aws:cognito-idp:${this.region}:000000000000:userpool/${pool.id}`,
      SchemaAttributes: pool.schema,
      Policies: { PasswordPolicy: pool.policy },
      LambdaConfig: {},
      MfaConfiguration: 'OFF',
      EstimatedNumberOfUsers: users,
      CreationDate: pool.createdAt,
      LastModifiedDate: pool.createdAt,
      UsernameConfiguration: { CaseSensitive: pool.caseSensitive },
      ...pool.settings,
    };
  }

  private async insert(db: Queryable, input: CreateUserPool, isDefault: boolean): Promise<Pool> {
    const id = `${this.region}_${randomText(9)}`;
    const policy = { ...DEFAULT_POLICY, ...input.Policies?.PasswordPolicy };
    const settings = {
      AdminCreateUserConfig: { AllowAdminCreateUserOnly: false, ...input.AdminCreateUserConfig },
      UserPoolTags: input.UserPoolTags ?? {},
    };
    const [row] = await db.query<Pool>(
      `insert into cognito_pool (id, name, is_default, case_sensitive, schema, password_policy, settings) values ($1, $2, $3, $4, $5, $6, $7) returning ${POOL}`,
      [
        id,
        input.PoolName,
        isDefault ? true : null,
        input.UsernameConfiguration?.CaseSensitive ?? true,
        JSON.stringify(poolSchema(input.Schema)),
        JSON.stringify(policy),
        JSON.stringify(settings),
      ],
    );
    return this.remember(row);
  }

  private remember(pool: Pool | undefined): Pool {
    if (!pool) throw new Error('The statement returned no pool.');
    this.known.set(pool.id, pool);
    return pool;
  }
}
