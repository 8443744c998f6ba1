/** Quotas: how much a tenant may store. A request beyond them is refused with tooMany and changes nothing. */
import { patchOp, startGateway, type Reply, type TestGateway, type TestTenant } from '../support/gateway.js';

let gateway: TestGateway;
let tenant: TestTenant;
let other: TestTenant;
beforeAll(async () => {
  gateway = await startGateway({
    SCIM_QUOTA_USERS: '20',
    SCIM_QUOTA_GROUPS: '5',
    SCIM_QUOTA_MEMBERSHIPS: '30',
  });
});
beforeEach(async () => {
  tenant = await gateway.createTenant();
  other = await gateway.createTenant();
});
afterAll(() => gateway.close());

/** Requests that run at the same time are counted when they are stored, so that many may go beyond a quota. */
const AT_ONCE = 4;

const create = (n: number, from: TestTenant = tenant) =>
  from.send('POST', '/Users', { userName: `u${n}`, externalId: `e${n}` });
const createMany = (count: number) => Promise.all(Array.from({ length: count }, (_, i) => create(i)));
const total = async (path: string, from = tenant) => (await from.send('GET', `${path}?count=1`)).body.totalResults;

function expectRefused(reply: Reply, kind: string, limit: string): void {
  expect([reply.status, reply.body.scimType]).toEqual([400, 'tooMany']);
  expect(reply.body.detail).toContain(`may have ${limit} ${kind}`);
}

it('the quota of users stops a flood of creations, and only those', async () => {
  const replies = await createMany(60);
  const refused = replies.filter(({ status }) => status !== 201);
  for (const reply of refused) expectRefused(reply, 'users', '20');
  const stored = await total('/Users');
  expect(stored).toBe(60 - refused.length);
  expect(stored).toBeGreaterThanOrEqual(20);
  expect(stored).toBeLessThanOrEqual(20 + AT_ONCE);
  for (let n = 100; n < 110; n++) expectRefused(await create(n), 'users', '20');

  // Everything else goes on: above all, deactivations, repetitions and renames by creation.
  const { id, userName } = replies.find(({ status }) => status === 201)?.body ?? { id: '', userName: '' };
  const off = await tenant.send('PATCH', `/Users/${id}`, patchOp({ op: 'replace', value: { active: false } }));
  expect(off.body.active).toBe(false);
  const renamed = await tenant.send('POST', '/Users', { userName: 'renamed', externalId: `e${userName.slice(1)}` });
  expect([renamed.status, renamed.body.id]).toEqual([201, id]);
  expect((await create(0, other)).status).toBe(201);
});

it('the quota of groups stops the sixth group', async () => {
  const replies: Reply[] = [];
  for (let i = 0; i < 8; i++) replies.push(await tenant.send('POST', '/Groups', { displayName: `G${i}` }));
  expect(replies.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201, 400, 400, 400]);
  expectRefused(replies[7] as Reply, 'groups', '5');
  expect(await total('/Groups')).toBe(5);
  expect((await tenant.send('POST', '/Groups', { displayName: 'G0' })).status).toBe(409);
});

it('the quota of memberships refuses a request as a whole, and lets members leave', async () => {
  const members = (await createMany(18)).map(({ body }) => ({ value: body.id }));
  const first = await tenant.send('POST', '/Groups', { displayName: 'first', members });
  const second = await tenant.send('POST', '/Groups', { displayName: 'second', members: members.slice(0, 10) });
  expect([first.status, second.status]).toEqual([201, 201]);
  const put = { displayName: 'second', members };
  const before = (await tenant.events()).length;
  expectRefused(await tenant.send('PUT', `/Groups/${second.body.id}`, put), 'memberships', '30');
  expectRefused(await tenant.send('POST', '/Groups', { displayName: 'third', members }), 'memberships', '30');
  expect((await tenant.send('GET', `/Groups/${second.body.id}`)).body.members).toHaveLength(10);
  expect(await total('/Groups')).toBe(2);
  expect((await tenant.events()).length).toBe(before);
  const fewer = { displayName: 'first', members: members.slice(0, 1) };
  expect((await tenant.send('PUT', `/Groups/${first.body.id}`, fewer)).body.members).toHaveLength(1);
});

it('a quota of one tenant replaces the general one', async () => {
  const own = await startGateway({ SCIM_QUOTA_USERS: '2', SCIM_QUOTA_OF_TENANTS: 'large:users=3,small:users=1' });
  try {
    const admitted: Record<string, number> = {};
    for (const slug of ['usual', 'large', 'small']) {
      const from = await own.createTenant({ slug });
      for (let n = 0; n < 5; n++) await create(n, from);
      admitted[slug] = await total('/Users', from);
    }
    expect(admitted).toEqual({ usual: 2, large: 3, small: 1 });
  } finally {
    await own.close();
  }
});
