/**
 * SQL that stores role changes as identity-service would publish them after a change of many mappings: `$4` changes of each
 * account in `$2`, of the tenant `$1`, with sequence numbers after `$3`.
 */
export const ROLE_CHANGES = `
  insert into identity.outbox (topic, key, type, source, subject, tenant, sequence, time, causation_id, data)
  select 'identity.accounts', $1::uuid || ':' || p.id, 'com.stackflow.identity.account.roles-changed.v1', '/stackflow/identity-service',
         p.id, $1, $3::int + n, clock_timestamp(), 'flood',
         jsonb_build_object('granted', '[]'::jsonb, 'revoked', '[]'::jsonb, 'mappingVersion', null, 'account', jsonb_build_object(
           'id', p.id, 'userName', p.id, 'externalId', null, 'email', null, 'displayName', null, 'status', 'active',
           'roles', case n % 2 when 0 then '["viewer"]'::jsonb else '[]'::jsonb end, 'primaryRole', case n % 2 when 0 then 'viewer' end))
    from generate_series(1, $4::int) n, unnest($2::text[]) as p(id)`;
