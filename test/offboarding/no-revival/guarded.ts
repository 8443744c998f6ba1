/** A service with the real view and decision of libs/access-guard; it checks every token after every event. */
import { AccessView, decide, defaultPolicy } from '#access-guard';
import type { AccessRecord } from './people.js';
import type { Pool, Token } from './pool.js';

const TENANT = '018f0000-0000-7000-8000-000000000000';
const accountId = (person: number): string => `018f0000-0000-7000-8000-0000000000a${person}`;

export class GuardedService {
  private readonly view = new AccessView();
  /** When the last fence was set that this service knows. */
  private readonly fencedAt = new Map<number, number>();
  private position = 0;

  constructor(private readonly pool: Pool) {}

  hasRead(log: readonly AccessRecord[]): boolean {
    return this.position === log.length;
  }

  readAll(log: readonly AccessRecord[]): void {
    while (!this.hasRead(log)) this.read(log, null);
  }

  /** `again`: a record that it has read before. */
  read(log: readonly AccessRecord[], again: number | null): void {
    const record = log[again ?? this.position];
    if (!record || (again !== null && again >= this.position)) return;
    if (again === null) this.position++;
    const { person, status, roles, notBefore, version } = record;
    this.view.apply({ tenantId: TENANT, accountId: accountId(person), status, roles, notBefore, version });
    this.fencedAt.set(person, Math.max(this.fenceIn(record), this.fencedAt.get(person) ?? 0));
    this.expectNoRevival(person);
  }

  private fenceIn({ status, tick, kills, byOurClock }: AccessRecord): number {
    if (status !== 'active') return tick;
    return byOurClock && this.pool.isAhead ? 0 : (kills ?? 0);
  }

  accepts({ person, issuedAt }: Token): boolean {
    const facts = { issuedAt, tenantId: TENANT, groups: [] };
    return decide(facts, this.view.get(accountId(person)), 'live', defaultPolicy, this.pool.now).allowed;
  }

  private expectNoRevival(person: number): void {
    const fencedAt = this.fencedAt.get(person) ?? 0;
    const revived = this.pool.tokens.find((t) => t.person === person && t.tick < fencedAt && this.accepts(t));
    if (revived)
      throw new Error(`P3: a token of ${person} from before the fence is accepted: ${JSON.stringify(revived)}`);
  }
}
