/** Token buckets that all replicas of all services share, one row per bucket. */
import { prepared } from '#platform';

/** Returns idempotent statements that create the table and its functions. Provisioning runs them as administrator. */
export function quotaSql(roles: readonly string[]): string[] {
  const grants = roles.flatMap((role) => [
    `grant usage on schema limits to ${role}`,
    `grant select, insert, update on limits.bucket to ${role}`,
    `grant execute on function limits.take(text, int, float8, float8, int, float8) to ${role}`,
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
    -- negative after a drain, or after tokens were taken in advance
    tokens float8 not null,
    filled_at timestamptz not null,
    -- tokens granted in the current fortieth of a second (number slot since the epoch) and in the forty before it
    slot bigint not null default 0,
    granted int[] not null default array_fill(0, array[41])
  ) with (fillfactor = 50)`;

/**
 * Takes up to `want` tokens, but leaves `reserve` in the bucket and grants at most `per_second` in any second. Returns
 * the number of granted tokens and, if it is 0, the milliseconds to wait. The time is read under the row lock, so that
 * a caller sees the tokens that were added while it waited for the lock.
 *
 * The commit does not wait for the disk, because every caller of Cognito waits for this row lock. After a crash of
 * Postgres some tokens may be granted twice; Cognito then enforces its quota itself. Never call the function inside
 * another transaction, because its commit would not wait for the disk either.
 */
const TAKE = `
  create or replace function limits.take(bucket_name text, want int, rate float8, capacity float8, per_second int, reserve float8, out granted int, out wait_ms float8)
  language plpgsql as $$
  declare
    b limits.bucket;
    now_ timestamptz;
    slot_ bigint;
    available float8;
    room int;
  begin
    perform set_config('synchronous_commit', 'off', true);
    select * into b from limits.bucket where name = bucket_name for update;
    if not found then
      insert into limits.bucket values (bucket_name, capacity, clock_timestamp()) on conflict do nothing;
      select * into b from limits.bucket where name = bucket_name for update;
    end if;
    now_ := clock_timestamp();
    slot_ := floor(40 * extract(epoch from now_));
    if slot_ > b.slot then
      b.granted := (array_fill(0, array[least(slot_ - b.slot, 41)::int]) || b.granted)[1:41];
      b.slot := slot_;
    end if;
    available := least(capacity, b.tokens + rate * extract(epoch from now_ - b.filled_at));
    room := per_second - (select sum(g) from unnest(b.granted) g);
    granted := greatest(0, least(want, floor(available - reserve + 1e-9)::int, room));
    wait_ms := case when granted > 0 then 0 when room <= 0 then 25 else ceil(1000 * (1 + reserve - available) / rate) end;
    b.granted[1] := b.granted[1] + granted;
    update limits.bucket t
       set tokens = available - take.granted, filled_at = now_, slot = b.slot, granted = b.granted where t.name = bucket_name;
  end $$`;

/**
 * Gives the bucket a debt that takes `seconds` to repay, because Cognito throttled a call. Repetitions do not increase
 * the debt.
 */
const DRAIN = `
  create or replace function limits.drain(bucket_name text, rate float8, seconds float8) returns void language sql as $$
    insert into limits.bucket as b values (bucket_name, -rate * seconds, clock_timestamp())
    on conflict (name) do update set
      tokens = least(b.tokens + rate * extract(epoch from clock_timestamp() - b.filled_at), excluded.tokens),
      filled_at = clock_timestamp()
  $$`;

export const takeTokens = prepared('select granted, wait_ms from limits.take($1, $2, $3, $4, $5, $6)');
export const drainBucket = 'select limits.drain($1, $2, $3)';
