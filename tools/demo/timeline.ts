/** When what happened, taken from the records of those who did it; nothing is timed by the demonstration itself. */
import { Client } from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Exchange } from './okta.js';
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

const READS = ['AdminGetUser', 'AdminListGroupsForUser'];
/** The gateway writes its request log in batches, behind the answers. */
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

  /** What the given requests of Okta set off for one person, in the order of time. */
  async of(exchanges: readonly Exchange[], scimId: string): Promise<Moment[]> {
    const sent = exchanges.flatMap((e): Moment[] => [
      { at: e.startedAt, what: `Okta sends      ${e.method} ${shorten(e.url)}` },
    ]);
    const since = Math.min(...exchanges.map((e) => e.startedAt));
    const ids = exchanges.flatMap((e) => e.requestId ?? []);
    const parts = await Promise.all([this.requests(ids), this.cognitoCalls(scimId, since)]);
    const [events, derived] = [await this.events(ids, scimId), await this.derived(scimId, since)];
    return [...sent, ...parts.flat(), ...events, ...derived].sort((a, b) => a.at - b.at);
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
   * "stored" is the instant that the event carries. On Kafka the events are in the topic's records, which this
   * demonstration does not read.
   */
  private async events(ids: readonly string[], scimId: string): Promise<Moment[]> {
    if (this.stack.carrier === 'kafka') return [];
    const rows = await this.query<{ at: number; stored: number; type: string }>(
      `select extract(epoch from published_at) * 1000 as at, extract(epoch from time) * 1000 as stored, type
         from bus.event_log
        where causation_id = any($1::text[]) and tenant = $3 and (subject = $2 or topic = 'directory.groups')
        order by position`,
      [ids, scimId, this.tenantId],
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
    const response = await fetch(`${this.stack.sandbox.cognito}/sandbox/calls?subject=${scimId}&since=${since}`);
    const made = calls.parse(await response.json()).calls.filter((c) => !READS.includes(c.operation));
    return made.map((c) => ({
      at: c.endedAt,
      what: `Cognito updated ${c.operation}${c.group === null ? '' : ` ${c.group}`}${c.outcome === 'ok' ? '' : `: ${c.outcome}`}`,
    }));
  }

  private get tenantId(): string {
    return this.stack.tenants[0]?.id ?? '';
  }

  /** A column that is not there is an error, not an empty timeline. */
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

const shorten = (url: string): string => decodeURIComponent(url.replace(/^https?:\/\/[^/]+/, ''));

/** Relative to the push: the request of Okta that started it, the first that writes. */
export function printTimeline(
  moments: readonly Moment[],
  exchanges: readonly Exchange[],
  print: (line: string) => void,
): void {
  const zero = exchanges.find((e) => e.method !== 'GET')?.startedAt ?? moments[0]?.at ?? 0;
  for (const { at, what } of moments) {
    const ms = at - zero;
    print(`    ${`${ms >= 0 ? '+' : ''}${ms.toFixed(1)}`.padStart(9)} ms  ${what}`);
  }
}
