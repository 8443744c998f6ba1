import type { EventEnvelope } from '#events';
import { inTurn, TenantShares } from './tenant-shares.js';

describe('the share of a tenant', () => {
  let now: number;
  let shares: TenantShares;
  const use = (tenant: string, ms: number) => shares.measure(tenant, () => Promise.resolve(void (now += ms)));

  beforeEach(() => {
    now = 1_000;
    shares = new TenantShares(() => now);
  });

  it('is used up after 200 ms of handlers, for this tenant alone', async () => {
    await use('a', 200);
    expect(shares.isUsedUp('a')).toBe(false);
    await use('a', 1);
    expect([shares.isUsedUp('a'), shares.isUsedUp('b')]).toEqual([true, false]);
  });

  it('comes back by a fifth of the time that passes', async () => {
    await use('a', 400);
    now += 999;
    expect(shares.isUsedUp('a')).toBe(true);
    now += 1;
    expect(shares.isUsedUp('a')).toBe(false);
  });

  it('counts the time of a handler that fails', async () => {
    const fails = shares.measure('a', () => {
      now += 201;
      return Promise.reject(new Error('no'));
    });
    await expect(fails).rejects.toThrow('no');
    expect(shares.isUsedUp('a')).toBe(true);
  });

  it('comes back within a minute after a call that hung for an hour', async () => {
    await use('a', 3_600_000);
    now += 60_000;
    expect(shares.isUsedUp('a')).toBe(false);
  });
});

describe('turns', () => {
  const of = (tenant: string, sequence: number) => ({ event: { tenant, sequence } as EventEnvelope });

  it('alternate between tenants and keep the order of each', () => {
    const deliveries = [of('a', 1), of('a', 2), of('a', 3), of('b', 1), { event: null }, of('b', 2)];
    const turns = inTurn(deliveries).map(({ event }) => (event ? `${event.tenant}${event.sequence}` : 'unreadable'));
    expect(turns).toEqual(['a1', 'b1', 'unreadable', 'a2', 'b2', 'a3']);
  });

  it('change nothing for one tenant', () => {
    const deliveries = [of('a', 1), of('a', 2)];
    expect(inTurn(deliveries)).toEqual(deliveries);
  });
});
