/** The timeline of a step, from the records of all parts that took part. The demonstration itself measures nothing. */
import { Client } from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Exchange, OktaWork } from './okta.js';
import { DemoProblem, type Stack } from './stack.js';

export interface Moment {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly what: string;
}

const calls = z.object({
  calls: z.array(
    z.object({
      at: z.number(),
      endedAt: z.number(),
      operation: z.string(),
      group: z.string().nullable(),
      outcome: z.string(),
    }),
  ),
});

/** The traffic of Okta in one step. */
export type Cause = OktaWork;

/** Start of Okta's first request. */
export const startOf = ({ exchanges, deliveries }: Cause): number =>
  Math.min(...exchanges.map((e) => e.startedAt), ...deliveries.flatMap((d) => d.attempts.map((a) => a.startedAt)));

/** Columns of a case, in the order in which access ends. % stands for the cause. */
const DOORS = [
  ['received_at', 'case opened     %'],
  ['held_at', 'case held       by the brake'],
  ['released_at', 'case released'],
  ['fenced_at', 'fence stored    no token from before counts'],
  ['disabled_at', 'door closed     Cognito: no sign-in, no refresh'],
  ['signed_out_at', 'door closed     Cognito: signed out, refresh tokens revoked'],
  ['sessions_ended_at', 'door closed     sessions of the SSO bridge'],
  ['confirmed_at', 'confirmed       Cognito was read back'],
  ['first_refused_at', 'token refused   by a service, for the first time'],
] as const;

const READS = ['AdminGetUser', 'AdminListGroupsForUser'];
/** The gateway writes its request log in batches, after the answers. */
const LOG_PATIENCE_MS = 5_000;
/** Columns that hold an instant; Postgres returns `numeric` as text. */
const INSTANTS = ['at', 'received', 'answered', 'stored'];
const TYPE_PREFIX = 'com.stackflow.';

export class Records {
  private constructor(
    private readonly stack: Stack,
    private readonly client: Client,
  ) {}

  static async open(stack: Stack): Promise<Records> {
    const client = new Client({ connectionString: stack.postgres });
    await client.connect().catch((error: Error) => {
      throw new DemoProblem(`The stack's Postgres does not answer: ${error.message}`);
    });
    return new Records(stack, client);
  }

  close(): Promise<void> {
    return this.client.end();
  }

  /** The effects of Okta's work for one person. */
  async of({ exchanges, deliveries }: Cause, scimId: string): Promise<Moment[]> {
    const sent = exchanges.map((e) => ({ at: e.startedAt, what: `Okta sends      ${e.method} ${shorten(e.url)}` }));
    const told = deliveries.flatMap(({ url, events, attempts }) =>
      attempts.flatMap((a) => [
        { at: a.startedAt, what: `Okta tells      POST ${shorten(url)} ${events.map((e) => e.type).join()}` },
        { at: a.endedAt, what: `hook answered   ${a.status ?? 'not'}` },
      ]),
    );
    const since = startOf({ exchanges, deliveries });
    const ids = exchanges.flatMap((e) => e.requestId ?? []);
    const parts = await Promise.all([this.requests(ids), this.cognitoCalls(scimId, since)]);
    const [events, derived] = [await this.events(ids, scimId, since), await this.derived(scimId, since)];
    return [...sent, ...told, ...parts.flat(), ...events, ...derived];
  }

  /**
   * The steps of an offboarding, from its case. Waits until the case is complete, because Cognito shows the effect a
   * moment earlier.
   */
  async closing(cause: Cause, scimId: string): Promise<Moment[]> {
    const deadline = Date.now() + LOG_PATIENCE_MS;
    for (;;) {
      const [row] = await this.query<Record<string, string | null> & { state: string; cause: string }>(
        `select state, cause, ${DOORS.map(([column]) => `extract(epoch from ${column}) * 1000 as ${column}`).join(', ')}
           from offboarding.offboarding_case
          where account_id = $1 and tenant = $2 and received_at >= to_timestamp($3 / 1000.0)
          order by received_at desc limit 1`,
        [scimId, this.tenantId, startOf(cause)],
      );
      if (row?.state === 'completed')
        return DOORS.flatMap(([column, what]) =>
          row[column] === null ? [] : [{ at: Number(row[column]), what: what.replace('%', row.cause) }],
        );
      if (Date.now() > deadline)
        throw new DemoProblem(
          `no closing of this account came to its end; its state is: ${row?.state ?? 'never opened'}`,
        );
      await sleep(200);
    }
  }

  /** The effects of a sign-in at Okta, at Cognito and in auth-service. */
  async ofSignIn(accountId: string, since: number): Promise<Moment[]> {
    const { okta, cognito } = this.stack.sandbox;
    const [atOkta, atCognito, noted] = await Promise.all([
      recorded(`${okta}/sandbox/calls?since=${since}`),
      recorded(`${cognito}/sandbox/calls?subject=${accountId}&since=${since}`),
      this.query<{ at: number; what: string }>(
        `select extract(epoch from at) * 1000 as at, 'audit           ' || event as what from auth.audit
          where account_id = $1 and tenant = $2 and at >= to_timestamp($3 / 1000.0)`,
        [accountId, this.tenantId, since],
      ),
    ]);
    const answered = (who: string, list: typeof atOkta): Moment[] =>
      list.map((c) => ({ at: c.endedAt, what: `${who} ${c.operation}${c.outcome === 'ok' ? '' : `: ${c.outcome}`}` }));
    return [
      ...answered(
        'Okta answered  ',
        atOkta.filter((c) => c.operation.startsWith('oidc.')),
      ),
      ...answered(
        'Cognito answered',
        atCognito.filter((c) => !READS.includes(c.operation)),
      ),
      ...noted,
    ];
  }

  private async requests(ids: readonly string[]): Promise<Moment[]> {
    const deadline = Date.now() + LOG_PATIENCE_MS;
    for (;;) {
      const rows = await this.query<{ received: number; answered: number; method: string; status: number }>(
        `select extract(epoch from at) * 1000 as received, extract(epoch from at) * 1000 + duration_ms as answered, method, status
           from directory.scim_request where id = any($1::uuid[]) and tenant_id = $2`,
        [ids, this.tenantId],
      );
      if (rows.length === ids.length) {
        const writes = rows.filter((r) => r.method !== 'GET');
        return writes.flatMap((r) => [
          { at: r.received, what: `push received   ${r.method}` },
          { at: r.answered, what: `push answered   ${r.method} ${r.status}: committed, and Okta knows` },
        ]);
      }
      if (Date.now() > deadline)
        throw new DemoProblem(
          `${ids.length - rows.length} of Okta's ${ids.length} requests are not in the gateway's request log`,
        );
      await sleep(200);
    }
  }

  /**
   * "stored" is the time in the event. With Kafka, the times of publication are in the topic's records, which this
   * demonstration does not read.
   */
  private async events(ids: readonly string[], scimId: string, since: number): Promise<Moment[]> {
    if (this.stack.carrier === 'kafka') return [];
    const rows = await this.query<{ at: number; stored: number; type: string }>(
      `select extract(epoch from published_at) * 1000 as at, extract(epoch from time) * 1000 as stored, type
         from bus.event_log
        where tenant = $3
          and (causation_id = any($1::text[]) and (subject = $2 or topic = 'directory.groups')
            or subject = $2 and topic in ('identity.access', 'offboarding.cases') and published_at >= to_timestamp($4 / 1000.0))
        order by position`,
      [ids, scimId, this.tenantId, since],
    );
    return rows.flatMap((r) => {
      const type = r.type.replace(TYPE_PREFIX, '');
      return [
        ...(type.startsWith('directory.') ? [{ at: r.stored, what: `change stored   ${type}` }] : []),
        { at: r.at, what: `event published ${type}` },
      ];
    });
  }

  private async derived(scimId: string, since: number): Promise<Moment[]> {
    const grants = await this.query<{ at: number; what: string }>(
      `select extract(epoch from granted_at) * 1000 as at, 'role derived    granted ' || role as what
         from identity.role_grant where account_id = $1 and tenant = $2 and granted_at >= to_timestamp($3 / 1000.0)
       union all
       select extract(epoch from revoked_at) * 1000, 'role derived    revoked ' || role
         from identity.role_grant where account_id = $1 and tenant = $2 and revoked_at >= to_timestamp($3 / 1000.0)`,
      [scimId, this.tenantId, since],
    );
    const synced = await this.query<{ at: number }>(
      `select extract(epoch from synced_at) * 1000 as at from identity.account
        where id = $1 and tenant = $2 and synced_at >= to_timestamp($3 / 1000.0)`,
      [scimId, this.tenantId, since],
    );
    return [
      ...grants,
      ...synced.map((r) => ({ at: r.at, what: 'account equal   Cognito holds what StackFlow wants' })),
    ];
  }

  private async cognitoCalls(scimId: string, since: number): Promise<Moment[]> {
    const made = await recorded(`${this.stack.sandbox.cognito}/sandbox/calls?subject=${scimId}&since=${since}`);
    const changing = made.filter((c) => !READS.includes(c.operation));
    return changing.map((c) => ({
      at: c.endedAt,
      what: `Cognito updated ${c.operation}${c.group === null ? '' : ` ${c.group}`}${c.outcome === 'ok' ? '' : `: ${c.outcome}`}`,
    }));
  }

  private get tenantId(): string {
    return this.stack.tenants[0]?.id ?? '';
  }

  /** A missing column is an error, not an empty timeline. */
  private async query<T>(sql: string, values: unknown[]): Promise<T[]> {
    try {
      const { rows } = await this.client.query(sql, values);
      return rows.map((row: Record<string, unknown>) =>
        Object.fromEntries(Object.entries(row).map(([k, v]) => [k, INSTANTS.includes(k) ? Number(v) : v])),
      ) as T[];
    } catch (error) {
      throw new DemoProblem(`The stack's database is not as this demonstration expects: ${(error as Error).message}`);
    }
  }
}

/** The sandbox's call log. */
const recorded = async (url: string): Promise<z.output<typeof calls>['calls']> =>
  calls.parse(await (await fetch(url)).json()).calls;

const shorten = (url: string): string => decodeURIComponent(url.replace(/^https?:\/\/[^/]+/, ''));

/** The push: Okta's first write request, otherwise the first delivery of its event hook. */
export function zeroOf({ exchanges, deliveries }: Cause): number {
  const write: Pick<Exchange, 'startedAt'> | undefined = exchanges.find((e) => e.method !== 'GET');
  return write?.startedAt ?? startOf({ exchanges, deliveries });
}

/** Ordered by time, relative to the push. */
export function printTimeline(moments: readonly Moment[], zero: number, print: (line: string) => void): void {
  for (const { at, what } of moments.toSorted((a, b) => a.at - b.at)) {
    const ms = at - zero;
    print(`    ${`${ms >= 0 ? '+' : ''}${ms.toFixed(1)}`.padStart(9)} ms  ${what}`);
  }
}
