/**
 * The statements of deactivation-worker on a real Postgres decide as the model does, in any order and with old versions,
 * other owners and older revisions. So the property of no-revival.spec.ts holds for them too.
 */
import { jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import type { CognitoAccess, OktaState } from '#contracts';
import { Outbox } from '#event-bus';
import { Database } from '#platform';
import { admitCases, holdCases, releaseCases } from '../../../apps/deactivation-worker/src/cases/admission.sql.js';
import { openCase } from '../../../apps/deactivation-worker/src/cases/case.sql.js';
import * as sql from '../../../apps/deactivation-worker/src/cognito/access-queue.sql.js';
import type { Step } from '../../../apps/deactivation-worker/src/cognito/plan.js';
import { NO_CONSEQUENCES, type Consequences } from '../../../apps/deactivation-worker/src/access/access.js';
import { accessEvent } from '../../../apps/deactivation-worker/src/access/access-event.js';
import { ConsequencesWriter } from '../../../apps/deactivation-worker/src/access/consequences.sql.js';
import { storeAccount, storeOktaState, storeUser } from '../../../apps/deactivation-worker/src/access/person.sql.js';
import { requestSignOut } from '../../../apps/deactivation-worker/src/access/sign-out.sql.js';
import { service } from '../../../apps/deactivation-worker/src/service.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { newRow, Statements, type Row } from './tables.js';

const writer = new ConsequencesWriter(new Outbox('offboarding', 'deactivation-worker'));

jest.setTimeout(120_000);

const BEGAN = Date.UTC(2026, 0, 1);
const WORKERS = [randomUUID(), randomUUID()] as const;
const LEASE_SECONDS = 3_600;

/** One person, in Postgres and in memory. */
class Pair {
  readonly id = randomUUID();
  readonly tenant = randomUUID();
  readonly row = newRow();
  now = BEGAN;
  waiting = false;
  private readonly model = new Statements(() => this.now);
  private readonly outbox = new Outbox('offboarding', 'deactivation-worker');

  constructor(private readonly database: Database) {}

  owner(named: string | null): string {
    return named ?? this.row.leaseOwner ?? WORKERS[0];
  }

  async directory(version: number, active: boolean, deleted: boolean, time: number): Promise<void> {
    const user = { ...NOBODY, id: this.id, active, deleted };
    const change = { tenant: this.tenant, version, user, time: new Date(BEGAN + time).toISOString() };
    const is = await this.database.tx((tx) => storeUser(tx, change));
    const should = this.model.storeUser(this.row, { version, active, deleted, time: BEGAN + time });
    expect(typeof is !== 'string').toBe(should);
  }

  async account(version: number, roles: readonly string[]): Promise<void> {
    const is = await this.database.tx((tx) => storeAccount(tx, this.tenant, version, { id: this.id, roles }));
    expect(typeof is !== 'string').toBe(this.model.storeAccount(this.row, version, roles));
  }

  async okta(state: OktaState | null, at: number): Promise<void> {
    const who = { accountId: this.id };
    const is = await this.database.tx((tx) => storeOktaState(tx, this.tenant, who, state, new Date(BEGAN + at)));
    expect(is.length > 0).toBe(this.model.storeOktaState(this.row, state, BEGAN + at));
  }

  /** The worker's decision when a person is new, gets access back, or loses it again. */
  async decide(enabled: boolean, work: boolean, signOut: boolean): Promise<void> {
    if (this.row.publishedStatus === 'active') return;
    const status = enabled ? 'active' : 'inactive';
    const publish: Consequences['publish'] = this.row.publishedStatus === null ? { status, roles: [] } : null;
    const next = {
      ...NO_CONSEQUENCES,
      desiredAccess: enabled ? 'enabled' : 'disabled',
      work,
      signOut,
      publish,
    } as const;
    await this.database.tx((tx) => writer.write(tx, this.id, next, { causationId: 'c', traceparent: null }, []));
    this.model.apply(this.row, next);
  }

  /** A held case is released first. */
  async admit(): Promise<void> {
    const opened = await this.openCase();
    if (!opened) return;
    await this.database.query(admitCases, [[opened], [true]]);
    this.model.admit(this.row);
  }

  async hold(): Promise<void> {
    const before = await this.storedFence();
    const opened = this.row.unfinished === null && (await this.openCase());
    if (!opened) return;
    const parameters = [[opened], ['threshold'], [60], this.tenant];
    const [is] = await this.database.query<{ notBefore: Date; publishedStatus: string }>(holdCases, parameters);
    expect(this.model.hold(this.row)).toBe(true);
    expect(is?.publishedStatus).toBe('active');
    expect(is?.notBefore.getTime()).toBeGreaterThanOrEqual(before);
  }

  private async openCase(): Promise<string | null> {
    if (this.row.publishedStatus !== 'active' || this.row.unfinished === 'running') return null;
    const cause = { type: 'test', causationId: 'c', pushedAt: new Date() };
    await this.database.tx((tx) => openCase(tx, this, cause, null));
    await this.database.query(releaseCases, [this.tenant, null, 'test']);
    const [opened] = await this.database.query<{ id: string }>(
      `select id from offboarding_case where account_id = $1 and state = 'new'`,
      [this.id],
    );
    return opened?.id ?? null;
  }

  async claim(worker: string, otherIsDead: boolean): Promise<void> {
    await this.database.query(ALIVE, [otherIsDead ? [worker] : WORKERS]);
    const claimed: { id: string }[] = [];
    for (const statement of [sql.claimUrgent, sql.claimOther])
      claimed.push(...(await this.database.query<{ id: string }>(statement, [worker, 1_000, LEASE_SECONDS])));
    expect(claimed.some((c) => c.id === this.id)).toBe(this.model.claim(this.row, worker, otherIsDead));
  }

  async record(worker: string, revision: number, actual: CognitoAccess | null, step: Step | null): Promise<void> {
    const signedOut = step === 'sign-out' || step === null;
    const is = await this.database.query(sql.recordStep, [this.id, worker, actual, signedOut, revision, step]);
    expect(is.length > 0).toBe(this.model.record(this.row, worker, revision, actual, step));
  }

  async complete(worker: string, revision: number, actual: CognitoAccess | null): Promise<void> {
    const is = await this.database.query(sql.completeCase, [this.id, worker, revision, actual]);
    expect(is.length > 0).toBe(this.model.complete(this.row, worker, revision, actual, this.waiting));
  }

  async lift(worker: string, revision: number, actual: CognitoAccess | null, at: number): Promise<void> {
    const is = await this.database.query<{ notBefore: Date }>(sql.liftFence, [
      this.id,
      worker,
      revision,
      actual,
      new Date(BEGAN + at),
    ]);
    expect(is.length > 0).toBe(this.model.lift(this.row, worker, revision, actual, BEGAN + at));
    if (is[0]) expect(is[0].notBefore.getTime()).toBe(this.row.notBefore);
  }

  async requestSignOut(): Promise<void> {
    const before = await this.storedFence();
    const is = await this.database.query<{ notBefore: Date | null }>(requestSignOut, [this.id, this.tenant, 'c', null]);
    expect(is.length > 0).toBe(this.model.requestSignOut(this.row));
    if (is[0]) expect(is[0].notBefore?.getTime() ?? 0).toBeGreaterThanOrEqual(before);
  }

  async signedOut(worker: string, revision: number, actual: CognitoAccess | null, at: number): Promise<void> {
    const before = await this.storedFence();
    const parameters = [this.id, worker, revision, actual, new Date(BEGAN + at)];
    const is = await this.database.query<{ notBefore: Date }>(sql.fenceSignedOut, parameters);
    expect(is.length > 0).toBe(this.model.signedOut(this.row, worker, revision, actual, BEGAN + at));
    if (is[0]) expect(is[0].notBefore.getTime()).toBe(Math.max(before, BEGAN + at + 1_000));
  }

  /** Some fences are set by the database's clock, which the model does not have. */
  private async storedFence(): Promise<number> {
    const [row] = await this.database.query<{ at: Date | null }>('select not_before as at from person where id = $1', [
      this.id,
    ]);
    return row?.at?.getTime() ?? 0;
  }

  async endEnabling(worker: string, revision: number): Promise<void> {
    const is = await this.database.query(sql.endEnabling, [this.id, worker, revision]);
    expect(is.length > 0).toBe(this.model.endEnabling(this.row, worker, revision, this.waiting));
  }

  async handBack(worker: string): Promise<void> {
    await this.database.query(sql.handBack, [this.id, worker, 0]);
    this.model.handBack(this.row, worker);
  }

  async fail(worker: string, stateUnknown: boolean): Promise<void> {
    const is = await this.database.query(sql.recordFailure, [this.id, worker, stateUnknown, 1, 'x', 'retry', 0, 0]);
    expect(is.length > 0).toBe(this.model.fail(this.row, worker, stateUnknown));
  }

  async reread(): Promise<void> {
    const is = await this.database.query<{ id: string }>(`${sql.rereadAccess} returning id`, [this.id]);
    if (is.length > 0) this.model.reread(this.row);
  }

  async forget(worker: string): Promise<void> {
    await this.database.query(sql.releaseForgotten, [worker, []]);
    if (this.row.leaseOwner === worker) this.model.forget(this.row);
  }

  async publishes(waiting: boolean): Promise<void> {
    const event = accessEvent(
      {
        id: this.id,
        tenant: this.tenant,
        publishedStatus: 'inactive',
        publishedRoles: [],
        notBefore: null,
        accessVersion: 1,
        causationId: 'c',
        traceparent: null,
      },
      true,
    );
    await this.database.query('delete from outbox');
    if (waiting) await this.database.tx((tx) => this.outbox.add(tx, [event]));
    this.waiting = waiting;
  }

  /** The time for late calls is over. */
  async later(): Promise<void> {
    await this.database.query(
      `update person set late_calls_until = clock_timestamp() - interval '1 second' where id = $1 and late_calls_until is not null`,
      [this.id],
    );
    this.now += 60_000;
  }

  async expectSame(): Promise<void> {
    const [stored] = await this.database.query<object>(STORED, [this.id]);
    const { lateCallsUntil, notBefore, oktaStateAt, ...row }: Row = this.row;
    const expected = { ...row, lateCalls: lateCallsUntil !== null, fenced: notBefore !== null, oktaStateAt };
    if (stored || this.row.directoryVersion + this.row.accountVersion > 0) expect(stored).toEqual(expected);
  }
}

/** The workers that renew their leases; the leases of the others ended long ago. */
const ALIVE = `update worker set seen_at = case when id = any($1::uuid[]) then clock_timestamp() else '-infinity' end`;

/** Makes waiting people due: the comparison is about what the statements decide, not when. */
const STORED = `
  update person p set due_at = case when due_at > clock_timestamp() then clock_timestamp() else due_at end where id = $1
  returning directory_version::int as "directoryVersion", active, deleted, account_version::int as "accountVersion", provisioned, roles, okta_state as "oktaState",
         (extract(epoch from okta_state_at) * 1000)::float8 as "oktaStateAt", desired_access as "desiredAccess", revision::int as revision, access_version::int as "accessVersion",
         published_status as "publishedStatus", published_roles as "publishedRoles", not_before is not null as fenced, actual_access as "actualAccess",
         sign_out_due as "signOutDue", late_calls_until is not null as "lateCalls", due_at is not null as due, lease_owner as "leaseOwner",
         (select c.state from offboarding_case c where c.account_id = p.id and c.state in ('new', 'held', 'running')) as unfinished`;

const NOBODY = {
  userName: 'x',
  externalId: null,
  displayName: null,
  name: { givenName: null, familyName: null },
  email: null,
  groups: [],
};

type Command = (pair: Pair) => Promise<void>;
const worker = fc.constantFrom(...WORKERS);
const actual = fc.constantFrom<(CognitoAccess | null)[]>('enabled', 'disabled', null);
const time = fc.nat(5).map((n) => n * 1_000);
const okta = fc.constantFrom<(OktaState | null)[]>('suspended', 'unassigned', 'deprovisioned', null);
const step = fc.constantFrom<(Step | null)[]>('disable', 'sign-out', 'confirm', 'enable', null);
/** 0 = the current revision of the person, 1 = an older one. */
const age = fc.constantFrom(0, 0, 0, 1);
/** Null = the owner of the lease, which is the most frequent case. */
const claimant = fc.option(worker, { freq: 3 });
const rare = fc.nat(9).map((n) => n === 0);

function command<T extends unknown[]>(
  weight: number,
  args: { [K in keyof T]: fc.Arbitrary<T[K]> },
  run: (pair: Pair, ...given: T) => Promise<void>,
): { weight: number; arbitrary: fc.Arbitrary<Command> } {
  return { weight, arbitrary: fc.tuple<T>(...args).map((given) => (pair: Pair) => run(pair, ...given)) };
}

const anyCommand = fc.oneof(
  command(4, [fc.nat(6), fc.boolean(), rare, time], (p, ...a) => p.directory(...a)),
  command(2, [fc.nat(4), fc.constantFrom(['viewer'], [])], (p, ...a) => p.account(...a)),
  command(3, [okta, time], (p, ...a) => p.okta(...a)),
  command(4, [fc.boolean(), fc.boolean(), fc.boolean()], (p, ...a) => p.decide(...a)),
  command(3, [], (p) => p.admit()),
  command(3, [], (p) => p.hold()),
  command(8, [worker, fc.boolean()], (p, ...a) => p.claim(...a)),
  command(4, [claimant, age, actual, step], (p, w, old, ...a) => p.record(p.owner(w), p.row.revision - old, ...a)),
  command(8, [claimant, age, actual], (p, w, old, known) => p.complete(p.owner(w), p.row.revision - old, known)),
  command(5, [claimant, age, actual, time], (p, w, old, ...a) => p.lift(p.owner(w), p.row.revision - old, ...a)),
  command(3, [], (p) => p.requestSignOut()),
  command(5, [claimant, age, actual, time], (p, w, old, ...a) => p.signedOut(p.owner(w), p.row.revision - old, ...a)),
  command(3, [claimant, age], (p, w, old) => p.endEnabling(p.owner(w), p.row.revision - old)),
  command(4, [claimant], (p, w) => p.handBack(p.owner(w))),
  command(1, [claimant, fc.boolean()], (p, w, stateUnknown) => p.fail(p.owner(w), stateUnknown)),
  command(1, [], (p) => p.reread()),
  command(1, [worker], (p, w) => p.forget(w)),
  command(2, [fc.boolean()], (p, waiting) => p.publishes(waiting)),
  command(4, [], (p) => p.later()),
);

describe('the statements of the worker', () => {
  let test: TestDatabase;
  let database: Database;
  let admin: Database;
  beforeAll(async () => {
    test = await createTestDatabase();
    database = await Database.connect({ url: test.url('deactivation-worker'), ...service.database });
    admin = await Database.connect({ url: test.adminUrl, ...service.database });
    await database.query('insert into worker (id) select unnest($1::uuid[])', [WORKERS]);
  });
  afterAll(async () => {
    await Promise.all([database.close(), admin.close()]);
    await test.drop();
  });

  it('decide as the model does, in any order', async () => {
    const live = async (commands: readonly Command[]): Promise<void> => {
      await admin.query('delete from offboarding_case; delete from person; delete from outbox');
      const pair = new Pair(database);
      await pair.directory(1, true, false, 0);
      for (const run of commands) {
        await run(pair);
        await pair.expectSame();
      }
    };
    await fc.assert(fc.asyncProperty(fc.array(anyCommand, { minLength: 10, maxLength: 50, size: 'max' }), live), {
      numRuns: Number(process.env.PROPERTY_RUNS ?? 150),
      interruptAfterTimeLimit: 40_000,
    });
  });
});
