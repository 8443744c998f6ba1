/** The harness of the black-box specs: a stack of its own, services that die and come back, nothing left behind. */
import { Client } from 'pg';
import { eventually, processIdentity } from '../../tools/local/process.js';
import { PRODUCT } from '../../tools/local/services.js';
import { TestStack } from '../support/stack.js';

describe('the stack of a test', () => {
  let stack: TestStack;
  beforeAll(async () => (stack = await TestStack.start()), 60_000);

  test('runs every service on a database of its own, and accepts a push through the edge', async () => {
    expect(stack.description).toMatchObject({ ready: true, carrier: 'postgres', kafka: null });
    expect(Object.keys(stack.description.services).sort()).toEqual([...Object.keys(PRODUCT), 'sandbox'].sort());
    const user = {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
      userName: 'grace@example.com',
      active: true,
    };
    expect((await stack.scim('POST', '/Users', user)).status).toBe(201);
    const [row] = await stack.query<{ db: string; users: number }>(
      'select current_database() as db, (select count(*)::int from directory.users) as users',
    );
    expect(row).toEqual({ db: expect.stringMatching(/^stack_/), users: 1 });
  });

  test('starts a service again after it died or was stopped', async () => {
    const { pid } = stack.description.services['scim-gateway'] ?? { pid: 0 };
    stack.kill('scim-gateway');
    expect(await eventually(() => stack.description.services['scim-gateway']?.pid !== pid, 10_000)).toBe(true);
    await stack.ready('scim-gateway');
    await stack.stopService('scim-gateway');
    expect((await stack.scim('GET', '/Users')).status).toBe(502);
    await stack.startService('scim-gateway');
    expect((await stack.scim('GET', '/Users')).status).toBe(200);
  }, 60_000);

  test('leaves no process and no database behind when it is stopped', async () => {
    const { services, postgres } = stack.description;
    await stack.stop();
    expect(Object.values(services).filter(({ pid }) => processIdentity(pid) !== undefined)).toEqual([]);
    await expect(new Client({ connectionString: postgres }).connect()).rejects.toThrow(/does not exist/);
  });
});
