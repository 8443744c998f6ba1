/** First refusals of tokens, and percentiles of the steps of cases. */
import { randomUUID } from 'node:crypto';
import type { Percentiles } from '#contracts';
import { credentialOf } from '../support/internal-api.js';
import { Rig, type Tenant } from './rig.js';

let rig: Rig;
let tenant: Tenant;
let account: string;
beforeAll(async () => void (rig = await Rig.start()));
beforeEach(async () => {
  tenant = await rig.addTenant();
  account = await rig.addPerson(tenant, 'ada@example.com', { desired_access: 'disabled' });
});
afterAll(() => rig.close());

const MINUTE = 60_000;
const ago = (ms: number): string => new Date(Date.now() - ms).toISOString();
/** Each service reports with its own credential, which names it. */
const refuse = (body: unknown, service = 'incidents', of = tenant, id = account) =>
  rig.http<{ code: string; detail: string } | null>(
    'POST',
    `/internal/tenants/${of.id}/accounts/${id}/refusals`,
    body,
    credentialOf(service),
  );
const fenced = (msAgo: number, change: Record<string, unknown> = {}) =>
  rig.addCase(tenant, account, { fenced_at: ago(msAgo), ...change });
async function refusal(id: string): Promise<[string | undefined, unknown]> {
  const row = await rig.caseOf(id);
  return [(row?.first_refused_at as Date | null)?.toISOString(), row?.first_refused_by];
}

describe('the first refusal after a fence', () => {
  it('is the earliest one, with the service that reported it, in whatever order reports arrive', async () => {
    const id = await fenced(10 * MINUTE);
    const [first, second, third] = [ago(9 * MINUTE), ago(8 * MINUTE), ago(7 * MINUTE)];
    expect((await refuse({ at: second })).status).toBe(204);
    expect(await refusal(id)).toEqual([second, 'incidents']);
    await refuse({ at: third }, 'reports');
    await refuse({ at: second }, 'reports');
    expect(await refusal(id)).toEqual([second, 'incidents']);
    await refuse({ at: first }, 'mail');
    expect(await refusal(id)).toEqual([first, 'mail']);
  });

  it('is the earliest one also if twenty services report at the same time', async () => {
    const id = await fenced(10 * MINUTE);
    const instants = Array.from({ length: 20 }, (_, i) => ago(9 * MINUTE - i * 1000));
    await Promise.all(instants.toReversed().map((at) => refuse({ at }, 'crowd')));
    expect(await refusal(id)).toEqual([instants[0], 'crowd']);
  });

  it('belongs to the case that caused it, not to an earlier or a later one', async () => {
    const [old, young] = [await fenced(60 * MINUTE), await fenced(5 * MINUTE)];
    const late = await fenced(MINUTE, { state: 'running' });
    // Closer to the fence of the later case than to its own.
    await refuse({ at: ago(2 * MINUTE) });
    expect(await Promise.all([old, young, late].map(async (id) => (await refusal(id))[1]))).toEqual([
      null,
      'incidents',
      null,
    ]);
  });

  it('is never recorded before the fence or after now, even if the clock of the service is wrong', async () => {
    const id = await fenced(2 * MINUTE);
    const fence = (await rig.caseOf(id))?.fenced_at as Date;
    const before = Date.now();
    await refuse({ at: new Date(before + 5 * MINUTE).toISOString() }, 'ahead');
    const [at] = await refusal(id);
    expect(Date.parse(String(at))).toBeGreaterThan(fence.getTime());
    expect(Date.parse(String(at))).toBeLessThan(before + 5 * MINUTE);
    await refuse({ at: new Date(fence.getTime() - 5 * MINUTE).toISOString() }, 'behind');
    expect(await refusal(id)).toEqual([fence.toISOString(), 'behind']);
  });

  it('is accepted and not stored if no fence explains it', async () => {
    const id = await fenced(MINUTE);
    expect((await refuse({ at: ago(60 * MINUTE) })).status).toBe(204);
    expect(await refusal(id)).toEqual([undefined, null]);
  });

  it('is recorded for a held case, whose fence is in force, and stays the first one after the release', async () => {
    const id = await rig.hold(tenant, account, { held_at: ago(2 * MINUTE) });
    const at = ago(MINUTE);
    await refuse({ at });
    expect(await refusal(id)).toEqual([at, 'incidents']);
    await rig.database.query(
      `update offboarding_case set state = 'running', fenced_at = clock_timestamp() where id = $1`,
      [id],
    );
    await refuse({ at: ago(0) }, 'reports');
    expect(await refusal(id)).toEqual([at, 'incidents']);
  });

  it('is refused if it lies in the future', async () => {
    const id = await fenced(MINUTE);
    const { status, body } = await refuse({ at: '2999-01-01T00:00:00Z' });
    expect([status, body?.code]).toEqual([400, 'invalid_request']);
    expect(body?.detail).toContain('clock of incidents');
    expect(await refusal(id)).toEqual([undefined, null]);
  });

  it('is not found for an unknown account or one of another tenant', async () => {
    const id = await fenced(MINUTE);
    const other = await rig.addTenant();
    const report = { at: ago(0) };
    expect((await refuse(report, 'incidents', other)).body?.code).toBe('not_found');
    expect((await refuse(report, 'incidents', tenant, randomUUID())).status).toBe(404);
    expect(await refusal(id)).toEqual([undefined, null]);
  });

  it.each([
    ['no instant', {}],
    ['a number', { at: 1768478400000 }],
    ['a local time', { at: '2026-01-15T12:00:00' }],
    ['a date', { at: '2026-01-15' }],
    ['an invalid day', { at: '2026-02-30T12:00:00Z' }],
    ['a keyword of Postgres', { at: 'infinity' }],
    ['a list', { at: ['2026-01-15T12:00:00Z'] }],
    ['a claim to be another service', { at: '2026-01-15T12:00:00Z', service: 'mail' }],
    ['an unknown field', { at: '2026-01-15T12:00:00Z', case: randomUUID() }],
    ['nothing', undefined],
  ])('is refused with %s', async (_, body) => {
    await fenced(MINUTE);
    const { status, type, body: problem } = await refuse(body);
    expect([status, problem?.code]).toEqual([400, 'invalid_request']);
    expect(type).toContain('application/problem+json');
  });
});

describe('percentiles', () => {
  const ask = async (query: string): Promise<Percentiles> =>
    (await rig.http<Percentiles>('GET', `/internal/offboarding/percentiles?${query}`)).body;
  const step = (of: Percentiles, name: string) => of.steps.find((s) => s.step === name);
  const closing = (ms: number, minutesAgo = 1, change = {}) =>
    rig.addCase(tenant, account, change, {
      pushed_at: `now - interval '${minutesAgo} min'`,
      fenced_at: `now - interval '${minutesAgo} min' + interval '${ms} ms'`,
      disabled_at: `now - interval '${minutesAgo} min' + interval '${ms * 2} ms'`,
    });

  it('cover the requested tenant and time, per step', async () => {
    for (let ms = 1; ms <= 101; ms++) await closing(ms);
    await closing(50_000, 120);
    const other = await rig.addTenant();
    const mine = await ask(`tenant=${tenant.id}`);
    expect(mine).toMatchObject({ tenant: tenant.id, minutes: 60 });
    expect(step(mine, 'fenced')).toEqual({ step: 'fenced', cases: 101, p50Ms: 51, p95Ms: 96, p99Ms: 100 });
    expect(step(mine, 'disabled')).toEqual({ step: 'disabled', cases: 101, p50Ms: 102, p95Ms: 192, p99Ms: 200 });
    expect(step(mine, 'confirmed')).toEqual({ step: 'confirmed', cases: 0, p50Ms: null, p95Ms: null, p99Ms: null });
    expect(step(await ask(`tenant=${tenant.id}&minutes=180`), 'fenced')?.cases).toBe(102);
    expect(step(await ask(`tenant=${other.id}`), 'fenced')?.cases).toBe(0);
    expect(step(await ask(''), 'fenced')?.cases).toBeGreaterThanOrEqual(101);
  });

  it('leave out the time for which the brake held a case', async () => {
    const id = await rig.addCase(
      tenant,
      account,
      { released_by: 'grace' },
      {
        pushed_at: `now - interval '5 hours'`,
        released_at: `now - interval '10 s'`,
        fenced_at: `now - interval '9 s'`,
      },
    );
    expect(await rig.caseOf(id)).toBeDefined();
    expect(step(await ask(`tenant=${tenant.id}`), 'fenced')).toMatchObject({ cases: 1, p50Ms: 1000 });
  });

  it.each(['minutes=0', 'minutes=44641', 'minutes=1e9', 'minutes=x', 'tenant=x', 'tenant=', 'steps=all'])(
    'refuse the query %s',
    async (query) => {
      const { status, body } = await rig.http<{ code: string }>('GET', `/internal/offboarding/percentiles?${query}`);
      expect([status, body.code]).toEqual([400, 'invalid_request']);
    },
  );
});
