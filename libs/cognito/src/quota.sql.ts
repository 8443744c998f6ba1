/**
 * Token buckets that all replicas of all services share. One row per bucket; a taker holds its row lock only for the
 * one statement that takes, outside any other transaction.
 */
import { prepared } from '#platform';

/** Run by provisioning as administrator, idempotent. The function runs with its caller's rights. */
export function quotaSql(roles: readonly string[]): string[] {
  const grants = roles.flatMap((role) => [
    `grant usage on schema limits to ${role}`,
    `grant select, insert, update on limits.bucket to ${role}`,
    `grant execute on function limits.take(text, int, float8, float8, float8) to ${role}`,
    `grant execute on function limits.drain(text, float8, float8) to ${role}`,
  ]);
  return [
    'create schema if not exists limits',
    'revoke all on schema limits from public',
    BUCKET,
    TAKE,
    DRAIN,
    ...grants,
  ];
}

const BUCKET = `
  create table if not exists limits.bucket (
    name text primary key,
    -- negative while the bucket pays back a drain
    tokens float8 not null,
    filled_at timestamptz not null
  ) with (fillfactor = 50)`;

/**
 * Takes up to \`want\` tokens and leaves \`reserve\`; answers how many were granted and, if none, after how many
 * milliseconds one will be there. \`for update\` serialises takers of one bucket; time is read after the lock is held,
 * so that a taker that waited sees the tokens that came meanwhile.
 *
 * Its commit does not wait for the disk, because everybody who calls Cognito waits in the line behind that row. A crash
 * of Postgres forgets the takes of its last moments, and Cognito itself still counts. Never call it inside of another
 * transaction, whose commit would not wait either.
 */
const TAKE = `
  create or replace function limits.take(bucket_name text, want int, rate float8, capacity float8, reserve float8, out granted int, out wait_ms float8)
  language plpgsql as $$
  declare b limits.bucket; available float8; now_ timestamptz;
  begin
    perform set_config('synchronous_commit', 'off', true);
    select * into b from limits.bucket where name = bucket_name for update;
    if not found then
      insert into limits.bucket values (bucket_name, capacity, clock_timestamp()) on conflict do nothing;
      select * into b from limits.bucket where name = bucket_name for update;
    end if;
    now_ := clock_timestamp();
    available := least(capacity, b.tokens + rate * extract(epoch from now_ - b.filled_at));
    granted := greatest(0, least(want, floor(available - reserve + 1e-9)::int));
    wait_ms := case when granted > 0 then 0 else ceil(1000 * (1 + reserve - available) / rate) end;
    update limits.bucket set tokens = available - granted, filled_at = now_ where name = bucket_name;
  end $$`;

/** Cognito said "too many requests": the bucket owes what flows in \`seconds\`; repeated answers do not add up. */
const DRAIN = `
  create or replace function limits.drain(bucket_name text, rate float8, seconds float8) returns void language sql as $$
    insert into limits.bucket as b values (bucket_name, -rate * seconds, clock_timestamp())
    on conflict (name) do update set
      tokens = least(b.tokens + rate * extract(epoch from clock_timestamp() - b.filled_at), excluded.tokens),
      filled_at = clock_timestamp()
  $$`;

export const takeTokens = prepared('select granted, wait_ms from limits.take($1, $2, $3, $4, $5)');
export const drainBucket = 'select limits.drain($1, $2, $3)';
