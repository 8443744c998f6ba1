/**
 * Measures how much WAL a tenant's pushes of groups cost, on a running stack: 40 groups of 500 people, whose members no
 * mapping needs. It is the experiment of a security review, in which 1 MB of bodies wrote 144 MB of WAL.
 */
import { WAITING } from '../faults/waiting.js';
import { GROUP_SCHEMA, person, scim } from './push.js';
import { until } from './waiting.js';

export interface MembershipCost {
  readonly memberships: number;
  readonly bodyBytes: number;
  readonly walBytes: number;
  /** WAL bytes per byte of the bodies. */
  readonly ratio: number;
  /** Positions in the WAL before and after. */
  readonly from: string;
  readonly to: string;
}

export interface CostTarget {
  readonly baseUrl: string;
  readonly token: string;
  /** Runs SQL as superuser. */
  readonly sql: <T extends object>(text: string, values?: unknown[]) => Promise<T[]>;
}

const PEOPLE = 500;
const GROUPS = 40;
const AT_ONCE = 10;

/** The services must consume events, because their WAL counts too. */
export async function measureMemberships({ baseUrl, token, sql }: CostTarget): Promise<MembershipCost> {
  const send = (method: string, target: string, body: unknown) => scim(baseUrl, token, method, target, body);
  const quiet = () =>
    until(
      'all services are done',
      async () => (await sql<{ waiting: string | null }>(WAITING))[0]?.waiting === null,
      120_000,
      200,
    );
  const position = async () => (await sql<{ lsn: string }>('select pg_current_wal_lsn() as lsn'))[0]?.lsn ?? '';
  const ids: string[] = [];
  for (let i = 0; i < PEOPLE; i += AT_ONCE) {
    const users = Array.from({ length: AT_ONCE }, (_, n) => person(`cost-${i + n}@example.com`, `00uCost${i + n}`));
    ids.push(...(await Promise.all(users.map((user) => send('POST', '/Users', user)))).map(({ id }) => id));
  }
  await quiet();
  // After a checkpoint the first change of each page writes the whole page, so this is the dearest moment.
  await sql('checkpoint');
  const from = await position();
  let bodyBytes = 0;
  for (let i = 0; i < GROUPS; i++) {
    const members = ids.map((value) => ({ value }));
    const body = { schemas: [GROUP_SCHEMA], displayName: `Cost ${i}`, members };
    bodyBytes += Buffer.byteLength(JSON.stringify(body));
    await send('POST', '/Groups', body);
  }
  await quiet();
  const to = await position();
  const [row] = await sql<{ bytes: string }>('select pg_wal_lsn_diff($2::pg_lsn, $1::pg_lsn) as bytes', [from, to]);
  const walBytes = Number(row?.bytes);
  return { memberships: PEOPLE * GROUPS, bodyBytes, walBytes, ratio: walBytes / bodyBytes, from, to };
}
