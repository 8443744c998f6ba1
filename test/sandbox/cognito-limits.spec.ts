import {
  AdminCreateUserCommand,
  AdminGetUserCommand,
  AdminUpdateUserAttributesCommand,
  CreateGroupCommand,
  ListUsersCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { randomUUID } from 'node:crypto';
import { CognitoQuotas, DEFAULT_QUOTAS } from '../../apps/sandbox/src/cognito/quotas.js';
import { sandboxSettings } from '../../apps/sandbox/src/config.js';
import { control, outcome, startSandbox, type RunningSandbox } from '../support/sandbox.js';

describe('quotas of the Cognito stand-in', () => {
  const about = (subject: string | null) => ({ scope: 'us-east-1_p', subject, group: null });
  const counting = (
    quotas: CognitoQuotas,
    operation: string,
    subject: (i: number) => string | null,
    tries: number,
  ): number => {
    let admitted = 0;
    for (let i = 0; i < tries; i++) {
      try {
        quotas.admit(operation, about(subject(i)));
        admitted += 1;
      } catch (error) {
        expect((error as { type: string }).type).toBe('TooManyRequestsException');
      }
    }
    return admitted;
  };

  it.each([
    ['AdminCreateUser', 50],
    ['AdminUpdateUserAttributes', 25],
    ['AdminAddUserToGroup', 25],
    ['AdminListGroupsForUser', 50],
    ['AdminSetUserPassword', 30],
    ['AdminGetUser', 120],
  ])('%s allows %i calls in a second, refuses the next, and allows more as time passes', (operation, perSecond) => {
    let now = 0;
    const quotas = new CognitoQuotas(DEFAULT_QUOTAS, 'UserUpdate', () => now);
    expect(counting(quotas, operation, (i) => `user-${i}`, 300)).toBe(perSecond);
    now += 500;
    expect(counting(quotas, operation, (i) => `later-${i}`, 300)).toBe(Math.floor(perSecond / 2));
    now += 60_000; // no more than one second's worth of calls is saved
    expect(counting(quotas, operation, (i) => `much-later-${i}`, 300)).toBe(perSecond);
  });

  it('counts all operations of a category together, and categories separately', () => {
    const quotas = new CognitoQuotas(DEFAULT_QUOTAS, 'UserUpdate', () => 0);
    expect(
      counting(quotas, 'AdminUpdateUserAttributes', (i) => `a${i}`, 20) +
        counting(quotas, 'AdminDisableUser', (i) => `b${i}`, 20),
    ).toBe(25);
    expect(counting(quotas, 'AdminGetUser', (i) => `c${i}`, 10)).toBe(10);
  });

  it('counts sign-outs together with disables by default, or as UserToken if configured', () => {
    const both = (category: 'UserUpdate' | 'UserToken'): number => {
      const quotas = new CognitoQuotas(DEFAULT_QUOTAS, category, () => 0);
      return (
        counting(quotas, 'AdminDisableUser', (i) => `a${i}`, 30) +
        counting(quotas, 'AdminUserGlobalSignOut', (i) => `b${i}`, 200)
      );
    };
    expect(both('UserUpdate')).toBe(25);
    expect(both('UserToken')).toBe(25 + 120);
  });

  it('allows about ten reads and ten writes a second for one user, counted separately', () => {
    const quotas = new CognitoQuotas(DEFAULT_QUOTAS, 'UserUpdate', () => 0);
    expect(counting(quotas, 'AdminGetUser', () => 'one', 30)).toBe(10);
    expect(counting(quotas, 'AdminAddUserToGroup', () => 'one', 15)).toBe(10);
    expect(counting(quotas, 'AdminGetUser', () => 'another', 1)).toBe(1);
  });

  it('allows five calls a second to each pool-resource operation of a pool', () => {
    const quotas = new CognitoQuotas(DEFAULT_QUOTAS, 'UserUpdate', () => 0);
    expect(counting(quotas, 'CreateGroup', () => null, 12)).toBe(5);
  });

  it('reads quotas from the environment, keeps defaults for the rest, and refuses unknown names', () => {
    const { schema } = sandboxSettings.SANDBOX_COGNITO_QUOTAS;
    expect(schema.parse('{"UserCreation":7}')).toEqual({ ...DEFAULT_QUOTAS, UserCreation: 7 });
    expect(schema.parse(undefined)).toEqual(DEFAULT_QUOTAS);
    for (const bad of ['{"Usercreation":7}', '{"UserCreation":0}', '{"UserCreation":"7"}', 'x', '[]'])
      expect(schema.safeParse(bad).success).toBe(false);
  });
});

describe('faults of the Cognito stand-in, through the AWS SDK', () => {
  let running: RunningSandbox;
  let base: string;
  beforeAll(async () => {
    running = await startSandbox();
    base = running.sandbox.endpoints.cognito;
  });
  afterAll(() => running.stop());
  beforeEach(async () => {
    await control(base, 'DELETE', 'faults');
    await control(base, 'DELETE', 'quotas');
    await control(base, 'DELETE', 'calls');
  });

  const create = (Username: string = randomUUID()) =>
    outcome(running.cognito.send(new AdminCreateUserCommand({ UserPoolId: running.poolId, Username })));
  const get = (Username: string) =>
    outcome(running.cognito.send(new AdminGetUserCommand({ UserPoolId: running.poolId, Username })));

  it('throttles like Cognito at a quota that is changed at run time', async () => {
    await control(base, 'PUT', 'quotas', { UserCreation: 3 });
    const results = await Promise.all(Array.from({ length: 12 }, () => create()));
    const throttled = results.filter((r) => r.name === 'TooManyRequestsException');
    expect(throttled.length).toBeGreaterThanOrEqual(7);
    expect(throttled[0]).toMatchObject({ message: 'Rate exceeded', status: 400 });
    await control(base, 'DELETE', 'quotas');
    expect(await create()).toMatchObject({ name: 'ok' });
  });

  it('throttles or fails the next N calls, by exception name or with 500, and then works', async () => {
    await control(base, 'POST', 'faults', { effect: 'throttle', times: 2 });
    expect([(await create()).name, (await create()).name, (await create()).name]).toEqual([
      'TooManyRequestsException',
      'TooManyRequestsException',
      'ok',
    ]);
    await control(base, 'POST', 'faults', {
      effect: 'error',
      error: 'NotAuthorizedException',
      message: 'no',
      times: 1,
    });
    await control(base, 'POST', 'faults', { effect: 'error', times: 1 });
    expect(await create()).toMatchObject({ name: 'NotAuthorizedException', message: 'no', status: 400 });
    expect((await create()).name).toBe('ok'); // both rules hit the first call; the first rule answered it
    await control(base, 'POST', 'faults', { effect: 'error', times: 1 });
    expect(await create()).toMatchObject({ name: 'InternalErrorException', status: 500 });
  });

  it('can be limited to one operation and one user', async () => {
    const name = randomUUID();
    await create(name);
    await control(base, 'POST', 'faults', { effect: 'error', operation: 'AdminGetUser', username: name });
    expect((await get(name)).name).toBe('InternalErrorException');
    expect((await get(randomUUID())).name).toBe('UserNotFoundException');
    expect((await create()).name).toBe('ok');
    await control(base, 'DELETE', 'faults');
    expect((await get(name)).name).toBe('ok');
  });

  it('drops an answer after the operation ran, or closes the connection before it runs', async () => {
    const [lost, cut] = [randomUUID(), randomUUID()];
    await control(base, 'POST', 'faults', { effect: 'drop', times: 1, operation: 'AdminCreateUser' });
    expect((await create(lost)).name).not.toBe('ok');
    expect((await get(lost)).name).toBe('ok');
    await control(base, 'POST', 'faults', { effect: 'disconnect', times: 1, operation: 'AdminCreateUser' });
    expect((await create(cut)).name).not.toBe('ok');
    expect((await get(cut)).name).toBe('UserNotFoundException');
  });

  it('delays calls, and fails a random part of them', async () => {
    await control(base, 'POST', 'faults', { effect: 'latency', ms: 1_000, times: 1, operation: 'AdminCreateUser' });
    const order: string[] = [];
    await Promise.all([
      create().then(() => order.push('delayed')),
      get(randomUUID()).then(() => order.push('not delayed')),
    ]);
    expect(order).toEqual(['not delayed', 'delayed']);
    await control(base, 'POST', 'faults', { effect: 'throttle', probability: 0.5 });
    const names = await Promise.all(Array.from({ length: 60 }, async () => (await create()).name));
    expect(new Set(names)).toEqual(new Set(['ok', 'TooManyRequestsException']));
  });

  it('refuses an unknown fault', async () => {
    expect(await control(base, 'POST', 'faults', { effect: 'explode' })).toHaveProperty('error');
    expect(await control(base, 'GET', 'faults')).toEqual({ faults: [] });
  });

  it('logs calls with time, subject and outcome, and no attribute values', async () => {
    const Username = randomUUID();
    const since = Date.now();
    await create(Username);
    await create(Username);
    await running.cognito.send(
      new AdminUpdateUserAttributesCommand({
        UserPoolId: running.poolId,
        Username,
        UserAttributes: [{ Name: 'name', Value: 'Top Secret' }],
      }),
    );
    await running.cognito.send(new CreateGroupCommand({ UserPoolId: running.poolId, GroupName: 'logged' }));
    const { calls } = await control<{ calls: { at: number; endedAt: number; operation: string; outcome: string }[] }>(
      base,
      'GET',
      `calls?subject=${Username}&since=${since - 1000}`,
    );
    expect(calls.map((c) => [c.operation, c.outcome])).toEqual([
      ['AdminCreateUser', 'ok'],
      ['AdminCreateUser', 'UsernameExistsException'],
      ['AdminUpdateUserAttributes', 'ok'],
    ]);
    for (const call of calls) expect(call.endedAt).toBeGreaterThanOrEqual(call.at);
    expect(JSON.stringify(calls)).not.toContain('Top Secret');
    const { summary } = await control<{ summary: Record<string, Record<string, number>> }>(
      base,
      'GET',
      'calls/summary',
    );
    expect(summary).toMatchObject({ AdminCreateUser: { ok: 1, UsernameExistsException: 1 }, CreateGroup: { ok: 1 } });
  });

  it('lists users while the quotas of other categories are used up', async () => {
    await control(base, 'PUT', 'quotas', { UserCreation: 1 });
    await create();
    await create();
    expect(
      await outcome(running.cognito.send(new ListUsersCommand({ UserPoolId: running.poolId, Limit: 1 }))),
    ).toMatchObject({ name: 'ok' });
  });
});
