/** Measures the WAL that pushes of groups cost, with the services that consume the events. */
import { measureMemberships, type MembershipCost } from '../../test/support/membership-cost.js';
import type { Target } from '../connection.js';
import type { Stack } from '../stack.js';

export interface MembershipResult extends MembershipCost {
  /** Bytes of WAL per membership by kind of record, the largest first. */
  readonly records: readonly { readonly record: string; readonly bytes: number }[];
}

export async function measureMembershipCost(stack: Stack, { url, token }: Target): Promise<MembershipResult> {
  const sql = <T extends object>(text: string, values?: unknown[]) => stack.sql<T>('stackflow', text, values);
  await sql('create extension if not exists pg_walinspect');
  const cost = await measureMemberships({ baseUrl: url, token, sql });
  const records = await sql<{ record: string; bytes: number }>(
    `select "resource_manager/record_type" as record, combined_size / $3::float8 as bytes
       from pg_get_wal_stats($1::pg_lsn, $2::pg_lsn, true) where combined_size > 0 order by combined_size desc limit 12`,
    [cost.from, cost.to, cost.memberships],
  );
  return { ...cost, records };
}
