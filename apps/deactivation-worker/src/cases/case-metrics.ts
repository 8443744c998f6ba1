/** What an operator watches: how long doors took, what waits, what is stuck. */
import type { Database, Metrics } from '#platform';

export type MeasuredDoor = 'fence' | 'cognito' | 'sign_out' | 'confirmed';

/** Held cases wait for a person: their time until the fence says nothing about us, and is seen at once as such. */
export const doorSeconds = (metrics: Metrics) =>
  metrics.histogram<'door'>('offboarding_seconds', "From the identity provider's push until a door was closed", [
    'door',
  ]);

const OPEN_STATES = ['new', 'held', 'running'];
const openCases = `
  select state, count(*)::int as cases, coalesce(extract(epoch from clock_timestamp() - min(coalesce(released_at, received_at))), 0)::float8 as oldest
    from offboarding_case where state in ('new', 'held', 'running') group by state`;

/** Running for longer than anything takes that works, or refused by Cognito for good. */
const stuckCases = `
  select count(*)::int as cases from offboarding_case c join person p on p.id = c.account_id
   where c.state = 'running' and (c.fenced_at < clock_timestamp() - interval '60 seconds' or p.last_error_class in ('permanent', 'config'))`;
const failingPeople = `
  select last_error_class as class, count(*)::int as people from person where due_at is not null and last_error_class is not null group by 1`;

/** Read at each scrape. */
export function watchCases(database: Database, metrics: Metrics): void {
  const oldest = metrics.gauge(
    'offboarding_oldest_case_seconds',
    'Age of the oldest case that no person has to decide',
  );
  metrics.gauge('offboarding_open_cases', 'Cases that are not finished', ['state'], async (gauge) => {
    const rows = await database.query<{ state: string; cases: number; oldest: number }>(openCases);
    for (const state of OPEN_STATES) gauge.set({ state }, rows.find((row) => row.state === state)?.cases ?? 0);
    oldest.set(Math.max(0, ...rows.filter((row) => row.state !== 'held').map((row) => row.oldest)));
  });
  metrics.gauge(
    'offboarding_stuck_cases',
    'Cases whose doors should be closed and are not; alarm on any',
    [],
    async (gauge) => {
      const [row] = await database.query<{ cases: number }>(stuckCases);
      gauge.set(row?.cases ?? 0);
    },
  );
  metrics.gauge(
    'offboarding_failing_people',
    'People whose last call to Cognito failed, by class; alarm on permanent',
    ['class'],
    async (gauge) => {
      gauge.reset();
      for (const row of await database.query<{ class: string; people: number }>(failingPeople))
        gauge.set({ class: row.class }, row.people);
    },
  );
}
