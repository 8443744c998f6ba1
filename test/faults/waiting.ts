/** Says what identity-service and deactivation-worker still have to do: one row, null = nothing. */
function behind(schema: string, group: string, topics: readonly string[]): string {
  return `select 1 from bus.event_log l where l.topic in (${topics.map((t) => `'${t}'`).join()})
    and l.position > coalesce((select o.position from ${schema}.consumer_offset o
      where o.consumer_group = '${group}' and o.topic = l.topic and o.partition = l.partition), 0)`;
}

export const WAITING = `
  select case
    when exists (select 1 from directory.outbox) or exists (select 1 from hub.outbox) then 'the directory publishes'
    when exists (select 1 from offboarding.outbox) then 'offboarding publishes'
    when exists (select 1 from identity.outbox) then 'identity publishes'
    when exists (${behind('identity', 'identity-service', ['directory.users', 'directory.groups', 'integration.settings', 'identity.access', 'offboarding.cases'])}) then 'identity-service is behind'
    when exists (${behind('offboarding', 'deactivation-worker-access', ['directory.access'])}) or exists (${behind('offboarding', 'deactivation-worker', ['integration.settings', 'identity.accounts'])}) then 'deactivation-worker is behind'
    when exists (select 1 from identity.deferred_event) or exists (select 1 from offboarding.deferred_event) then 'deferred events'
    when exists (select 1 from identity.parked_event) or exists (select 1 from offboarding.parked_event) then 'parked events'
    when exists (select 1 from identity.membership_load) then (select 'members of a group: ' || coalesce(last_error, 'loading') from identity.membership_load limit 1)
    when exists (select 1 from identity.reevaluation) then 're-evaluation'
    when exists (select 1 from identity.account where desired_revision > applied_revision) then
      (select 'account ' || id || ' ' || coalesce(last_error, 'pending') from identity.account where desired_revision > applied_revision limit 1)
    when exists (select 1 from offboarding.person where due_at is not null) then
      (select 'access of ' || id || ' ' || coalesce(last_error, 'pending') from offboarding.person where due_at is not null limit 1)
    when exists (select 1 from offboarding.offboarding_case where state in ('new', 'held', 'running')) then 'an unfinished case'
  end as waiting`;
