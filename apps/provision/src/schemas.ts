/** The schema of each service: its owner, its migrations, and what the role of the running service may do in it. */
import { Database, type DatabaseOptions } from '#platform';
import { erasureEvidence } from '#worker';
import { Auth1764300000000 } from '../../auth-service/src/migrations/0001-auth.js';
import { Offboarding1764200000000 } from '../../deactivation-worker/src/migrations/0001-offboarding.js';
import { Identity1764000000000 } from '../../identity-service/src/migrations/0001-identity.js';
import { Hub1764028800000 } from '../../integration-hub/src/migrations/0001-hub.js';
import { Directory1764000000000 } from '../../scim-gateway/src/migrations/0001-directory.js';

interface ServiceSchema {
  readonly role: string;
  readonly schema: string;
  readonly migrations: NonNullable<DatabaseOptions['migrations']>;
  /**
   * Tables that hold evidence, and all that the running service may do with them. It may read and write every other
   * table. The history of an offboarding case is also in the event log, where no service can change a row.
   */
  readonly evidence?: Readonly<Record<string, string>>;
}

export const SERVICES = {
  'scim-gateway': { role: 'scim_gateway', schema: 'directory', migrations: [Directory1764000000000] },
  'identity-service': {
    role: 'identity_service',
    schema: 'identity',
    migrations: [Identity1764000000000],
    evidence: {
      role_grant:
        'select, insert, update (revoked_at, revoked_cause, revoked_group, revoked_causation_id, revoked_mapping_version)',
    },
  },
  'deactivation-worker': {
    role: 'deactivation_worker',
    schema: 'offboarding',
    migrations: [Offboarding1764200000000],
    evidence: {
      offboarding_case: `select, insert, update (state, counts, held_because, released_by, held_at, held_until, held_signed_out_at,
        held_sessions_ended_at, released_at, fenced_at, disabled_at, signed_out_at, sessions_ended_at, confirmed_at,
        first_refused_at, first_refused_by, ended_at)`,
    },
  },
  'auth-service': {
    role: 'auth_service',
    schema: 'auth',
    migrations: [Auth1764300000000],
    // A trigger refuses every update, and the deletion of rows younger than 30 days. Row locks need a right to update.
    evidence: { audit: 'select, insert, delete, update (id)' },
  },
  'integration-hub': {
    role: 'integration_hub',
    schema: 'hub',
    migrations: [Hub1764028800000],
    evidence: { admin_audit: 'select, insert', integration_settings: 'select, insert' },
  },
} as const satisfies Readonly<Record<string, ServiceSchema>>;
export type ServiceName = keyof typeof SERVICES;

/** The owner has no login, so no running service can drop a table, disable a trigger or change a privilege. */
export const ownerOf = (role: string): string => `${role}_owner`;

/** Migrates as the owner of the schema, then gives the role of the service its privileges. */
export async function migrate(adminUrl: string, service: ServiceName): Promise<void> {
  const { role, schema, migrations, evidence = {} }: ServiceSchema = SERVICES[service];
  const database = await Database.connect({ url: adminUrl, schema, migrations, role: ownerOf(role), poolSize: 2 });
  try {
    await database.migrate();
    await database.tx(async (tx) => {
      await tx.query(`select pg_advisory_xact_lock(hashtextextended('provision:${schema}', 0))`);
      await tx.query(`grant select, insert, update, delete on all tables in schema ${schema} to ${role}`);
      await tx.query(`grant usage on all sequences in schema ${schema} to ${role}`);
      for (const [table, privileges] of Object.entries({ migrations: 'select', ...erasureEvidence, ...evidence })) {
        await tx.query(`revoke all on ${schema}.${table} from ${role}`);
        await tx.query(`grant ${privileges} on ${schema}.${table} to ${role}`);
      }
      await tx.query(`grant execute on function ${schema}.erase_tenant(uuid, int) to ${role}`);
    });
  } finally {
    await database.close();
  }
}
