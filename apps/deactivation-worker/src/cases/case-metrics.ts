import { HELD_REASONS } from '#contracts';
import { sharedRead, type Database, type Metrics } from '#platform';

/** For a case that the brake held, the measured time includes the time until its release. */
export const stepSeconds = (metrics: Metrics) =>
  metrics.histogram<'step'>('offboarding_seconds', "Time from the identity provider's push until a step was done", [
    'step',
  ]);

const UNFINISHED = ['new', 'held', 'running'];
const unfinishedCases = `
  select state, count(*)::int as cases, coalesce(extract(epoch from clock_timestamp() - min(coalesce(released_at, received_at))), 0)::float8 as oldest
    from offboarding_case where state in ('new', 'held', 'running') group by state`;

const heldCases = `select held_because as reason, count(*)::int as cases from offboarding_case where state = 'held' group by 1`;

/** Cases that take longer than normal, or that need a correction of the user or the configuration. */
const stuckCases = `
  select count(*)::int as cases from offboarding_case c join person p on p.id = c.account_id
   where c.state = 'running' and (c.fenced_at < clock_timestamp() - interval '60 seconds' or p.last_error_class in ('permanent', 'config'))`;
const failingPeople = `
  select last_error_class as class, count(*)::int as people from person where due_at is not null and last_error_class is not null group by 1`;

export function watchCases(database: Database, metrics: Metrics): void {
  const readCases = sharedRead(async () => {
    const rows = await database.query<{ state: string; cases: number; oldest: number }>(unfinishedCases);
    for (const state of UNFINISHED) open.set({ state }, rows.find((row) => row.state === state)?.cases ?? 0);
    oldest.set(Math.max(0, ...rows.filter((row) => row.state !== 'held').map((row) => row.oldest)));
  });
  const open = metrics.gauge('offboarding_open_cases', 'Unfinished cases', ['state'], readCases);
  const oldest = metrics.gauge(
    'offboarding_oldest_case_seconds',
    'Age of the oldest unfinished case that does not wait for an administrator',
    [],
    readCases,
  );
  metrics.gauge(
    'offboarding_held_cases',
    'Cases that wait for an administrator; raise an alarm for any with the reason last_admin',
    ['reason'],
    async (gauge) => {
      const rows = await database.query<{ reason: string; cases: number }>(heldCases);
      for (const reason of HELD_REASONS) gauge.set({ reason }, rows.find((row) => row.reason === reason)?.cases ?? 0);
    },
  );
  metrics.gauge(
    'offboarding_stuck_cases',
    'Cases that should be complete but are not; raise an alarm for any',
    [],
    async (gauge) => {
      const [row] = await database.query<{ cases: number }>(stuckCases);
      gauge.set(row?.cases ?? 0);
    },
  );
  metrics.gauge(
    'offboarding_failing_people',
    'Number of people for whom the last call to Cognito failed, by class of error; raise an alarm for class permanent',
    ['class'],
    async (gauge) => {
      gauge.reset();
      for (const row of await database.query<{ class: string; people: number }>(failingPeople))
        gauge.set({ class: row.class }, row.people);
    },
  );
}
