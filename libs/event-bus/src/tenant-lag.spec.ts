import { waitingTenants } from './tenant-lag.js';

it('names the twenty tenants that wait longest, each once with its oldest event, and counts all that wait', () => {
  const ages = Array.from({ length: 30 }, (_, i) => ({ tenant: `t${i}`, seconds: i }));
  const { count, longest } = waitingTenants([...ages, { tenant: 't3', seconds: 100 }, { tenant: 'new', seconds: 0.9 }]);
  expect(count).toBe(29);
  expect(longest).toHaveLength(20);
  expect(longest.slice(0, 3)).toEqual([
    { tenant: 't3', seconds: 100 },
    { tenant: 't29', seconds: 29 },
    { tenant: 't28', seconds: 28 },
  ]);
});
