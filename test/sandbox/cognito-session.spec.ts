/** The session between the two calls of a sign-in: for one answer, one user, one client and three minutes. */
import { CreateUserPoolClientCommand } from '@aws-sdk/client-cognito-identity-provider';
import { Client as PgClient } from 'pg';
import { assertionKey, Bridge, jwksOf, type AssertionKey } from '../support/cognito-sign-in.js';
import { outcome, startSandbox, type RunningSandbox } from '../support/sandbox.js';

const INCORRECT = { name: 'NotAuthorizedException', message: 'Incorrect username or password.' };

describe('a session of the sandbox Cognito', () => {
  let running: RunningSandbox;
  let bridge: Bridge;
  let key: AssertionKey;
  let username: string;
  beforeAll(async () => {
    key = await assertionKey('key-1');
    running = await startSandbox({
      customAttributes: ['tenant_id', 'external_id', 'role'],
      assertionJwks: jwksOf(key),
    });
    bridge = await Bridge.of(running, key);
    username = await bridge.user();
  });
  afterAll(() => running.stop());

  it('accepts one answer: neither a right one after a wrong one, nor the same one again', async () => {
    const challenge = await bridge.begin(username);
    const assertion = await bridge.assertion(challenge);
    expect(await outcome(bridge.answer(challenge, 'wrong'))).toMatchObject(INCORRECT);
    const used = { name: 'NotAuthorizedException', message: expect.stringContaining('only be used once') as string };
    expect(await outcome(bridge.answer(challenge, assertion))).toMatchObject(used);
    const other = await bridge.begin(username);
    const right = await bridge.assertion(other);
    const answers = await Promise.all(Array.from({ length: 4 }, () => outcome(bridge.answer(other, right))));
    expect(answers.map((a) => a.name).sort()).toEqual([...Array<string>(3).fill('NotAuthorizedException'), 'ok']);
  });

  it('refuses the assertion that answered another session', async () => {
    const [first, second] = [await bridge.begin(username), await bridge.begin(username)];
    const assertion = await bridge.assertion(first);
    await bridge.answer(first, assertion);
    expect(await outcome(bridge.answer(second, assertion))).toMatchObject(INCORRECT);
  });

  it('is valid for its user and client only, and cannot be invented', async () => {
    const other = await bridge.user();
    const challenge = await bridge.begin(username);
    const stolen = { ...challenge, username: other };
    const invalid = { name: 'NotAuthorizedException', message: 'Invalid session for the user.' };
    expect(await outcome(bridge.answer(stolen, await bridge.assertion(stolen)))).toMatchObject(invalid);
    const made = await running.cognito.send(
      new CreateUserPoolClientCommand({
        UserPoolId: running.poolId,
        ClientName: 'second',
        GenerateSecret: true,
        ExplicitAuthFlows: ['ALLOW_CUSTOM_AUTH'],
      }),
    );
    const elsewhere = await Bridge.of(running, key, made.UserPoolClient?.ClientId);
    const moved = await bridge.begin(username);
    expect(await outcome(elsewhere.answer(moved, await elsewhere.assertion(moved)))).toMatchObject(invalid);
    const invented = { ...challenge, session: 'x'.repeat(40) };
    expect(await outcome(bridge.answer(invented, await bridge.assertion(invented)))).toMatchObject(invalid);
  });

  it('ends after three minutes, and survives a restart', async () => {
    const [kept, old] = [await bridge.begin(username), await bridge.begin(username)];
    const database = new PgClient({ connectionString: running.testDatabase.adminUrl });
    await database.connect();
    const { rows } = await database.query<{ minutes: number }>(
      `select extract(epoch from max(expires_at) - clock_timestamp())::float8 / 60 as minutes from sandbox.cognito_challenge`,
    );
    expect(rows[0]?.minutes).toBeLessThanOrEqual(3);
    await database.query(
      `update sandbox.cognito_challenge set expires_at = clock_timestamp() - interval '1 second'
                           where session_hash = sha256($1::bytea)`,
      [Buffer.from(old.session)],
    );
    await database.end();
    const expired = { name: 'NotAuthorizedException', message: expect.stringContaining('expired') as string };
    expect(await outcome(bridge.answer(old, await bridge.assertion(old)))).toMatchObject(expired);
    running = await running.restart();
    bridge = await Bridge.of(running, key);
    expect(await outcome(bridge.answer(kept, await bridge.assertion(kept)))).toMatchObject({ name: 'ok' });
  });
});
