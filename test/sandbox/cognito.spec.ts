import {
  AdminAddUserToGroupCommand,
  AdminCreateUserCommand,
  AdminDeleteUserAttributesCommand,
  AdminDeleteUserCommand,
  AdminDisableUserCommand,
  AdminEnableUserCommand,
  AdminGetUserCommand,
  AdminListGroupsForUserCommand,
  AdminRemoveUserFromGroupCommand,
  AdminSetUserPasswordCommand,
  AdminUpdateUserAttributesCommand,
  AdminUserGlobalSignOutCommand,
  CreateGroupCommand,
  CreateUserPoolClientCommand,
  CreateUserPoolCommand,
  DeleteGroupCommand,
  DescribeUserPoolClientCommand,
  DescribeUserPoolCommand,
  GetGroupCommand,
  ListGroupsCommand,
  ListUsersCommand,
  ListUsersInGroupCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { randomUUID } from 'node:crypto';
import { control, outcome, startSandbox, type RunningSandbox } from '../support/sandbox.js';

const STRONG = 'Correct-Horse-9';

describe('the Cognito stand-in, through the AWS SDK', () => {
  let running: RunningSandbox;
  beforeAll(async () => {
    running = await startSandbox();
  });
  afterAll(() => running.stop());

  const inPool = <T extends object>(input: T): T & { UserPoolId: string } => ({ UserPoolId: running.poolId, ...input });
  const create = async (attributes: Record<string, string> = {}, Username: string = randomUUID()): Promise<string> => {
    await running.cognito.send(
      new AdminCreateUserCommand(
        inPool({
          Username,
          UserAttributes: Object.entries(attributes).map(([Name, Value]) => ({ Name, Value })),
          MessageAction: 'SUPPRESS' as const,
        }),
      ),
    );
    return Username;
  };
  const get = async (Username: string) => running.cognito.send(new AdminGetUserCommand(inPool({ Username })));
  const attributesOf = async (Username: string) =>
    Object.fromEntries(((await get(Username)).UserAttributes ?? []).map((a) => [a.Name, a.Value]));
  const group = async (GroupName = `g-${randomUUID()}`): Promise<string> => {
    await running.cognito.send(new CreateGroupCommand(inPool({ GroupName, Precedence: 3 })));
    return GroupName;
  };

  describe('users', () => {
    it('creates a user with a sub of its own, in FORCE_CHANGE_PASSWORD, with dates', async () => {
      const before = Date.now();
      const Username = randomUUID();
      const { User } = await running.cognito.send(
        new AdminCreateUserCommand(
          inPool({
            Username,
            UserAttributes: [{ Name: 'email', Value: 'a@example.com' }],
            MessageAction: 'SUPPRESS' as const,
          }),
        ),
      );
      expect(User).toMatchObject({ Username, Enabled: true, UserStatus: 'FORCE_CHANGE_PASSWORD' });
      expect(Math.abs((User?.UserCreateDate?.getTime() ?? 0) - before)).toBeLessThan(60_000);
      const sub = User?.Attributes?.find((a) => a.Name === 'sub')?.Value;
      expect(sub).toMatch(/^[0-9a-f-]{36}$/);
      expect(sub).not.toBe(Username);
      expect(await attributesOf(Username)).toEqual({ sub, email: 'a@example.com' });
    });

    it('refuses a second user with the same username, in any case', async () => {
      const name = await create();
      expect(await outcome(create({}, name))).toMatchObject({ name: 'UsernameExistsException', status: 400 });
      expect(await outcome(create({}, name.toUpperCase()))).toMatchObject({ name: 'UsernameExistsException' });
    });

    it('lets exactly one of two concurrent creations succeed', async () => {
      const name = randomUUID();
      const results = await Promise.all(Array.from({ length: 5 }, () => outcome(create({}, name))));
      expect(results.map((r) => r.name).sort()).toEqual([...Array<string>(4).fill('UsernameExistsException'), 'ok']);
    });

    it('confirms a user by a permanent password, and refuses a weak one', async () => {
      const Username = await create();
      for (const [Password, fault] of [
        ['Sh0rt-a', 'not long enough'],
        ['correct-horse-9', 'uppercase'],
        ['CORRECT-HORSE-9', 'lowercase'],
        ['Correct-Horse', 'numeric'],
        ['CorrectHorse9', 'symbol'],
      ] as const) {
        const refused = await outcome(
          running.cognito.send(new AdminSetUserPasswordCommand(inPool({ Username, Password, Permanent: true }))),
        );
        expect(refused).toMatchObject({
          name: 'InvalidPasswordException',
          message: expect.stringContaining(fault) as string,
        });
      }
      expect((await get(Username)).UserStatus).toBe('FORCE_CHANGE_PASSWORD');
      await running.cognito.send(
        new AdminSetUserPasswordCommand(inPool({ Username, Password: STRONG, Permanent: true })),
      );
      expect((await get(Username)).UserStatus).toBe('CONFIRMED');
    });

    it('merges attributes, deletes blank ones, and marks a changed e-mail as unverified', async () => {
      const Username = await create({
        email: 'a@example.com',
        email_verified: 'true',
        name: 'Anna',
        'custom:role': 'viewer',
      });
      const update = (attributes: Record<string, string>) =>
        running.cognito.send(
          new AdminUpdateUserAttributesCommand(
            inPool({ Username, UserAttributes: Object.entries(attributes).map(([Name, Value]) => ({ Name, Value })) }),
          ),
        );
      await update({ name: '', 'custom:role': 'itsm_agent' });
      expect(await attributesOf(Username)).toMatchObject({
        email: 'a@example.com',
        email_verified: 'true',
        'custom:role': 'itsm_agent',
      });
      expect(await attributesOf(Username)).not.toHaveProperty('name');
      await update({ email: 'b@example.com' });
      expect(await attributesOf(Username)).toMatchObject({ email: 'b@example.com', email_verified: 'false' });
      await running.cognito.send(
        new AdminDeleteUserAttributesCommand(inPool({ Username, UserAttributeNames: ['custom:role'] })),
      );
      expect(await attributesOf(Username)).not.toHaveProperty('custom:role');
    });

    it.each([
      [{ 'custom:unknown': 'x' }, 'custom:unknown: Attribute does not exist in the schema'],
      [{ email: 'no address' }, 'Invalid email address format.'],
      [{ phone_number: '0123' }, 'Invalid phone number format.'],
      [{ sub: 'x' }, 'non-mutable attribute sub'],
      [{ email_verified: 'perhaps' }, 'email_verified'],
      [{ birthdate: '1.1.1990' }, 'birthdate'],
      [{ name: 'x'.repeat(2049) }, 'length less than or equal to 2048'],
      [{ 'custom:a-name-that-is-longer-than-32': 'x' }, 'length less than or equal to 32'],
    ])('refuses attributes: %#', async (attributes, words) => {
      expect(await outcome(create(attributes as unknown as Record<string, string>))).toMatchObject({
        name: 'InvalidParameterException',
        message: expect.stringContaining(words) as string,
      });
    });

    it('answers UserNotFoundException to every operation about an unknown user', async () => {
      const Username = randomUUID();
      const GroupName = await group();
      const attempts = [
        new AdminGetUserCommand(inPool({ Username })),
        new AdminDeleteUserCommand(inPool({ Username })),
        new AdminDisableUserCommand(inPool({ Username })),
        new AdminEnableUserCommand(inPool({ Username })),
        new AdminUserGlobalSignOutCommand(inPool({ Username })),
        new AdminSetUserPasswordCommand(inPool({ Username, Password: STRONG, Permanent: true })),
        new AdminUpdateUserAttributesCommand(inPool({ Username, UserAttributes: [{ Name: 'name', Value: 'x' }] })),
        new AdminAddUserToGroupCommand(inPool({ Username, GroupName })),
        new AdminRemoveUserFromGroupCommand(inPool({ Username, GroupName })),
        new AdminListGroupsForUserCommand(inPool({ Username })),
      ];
      for (const attempt of attempts) {
        expect(await outcome(running.cognito.send(attempt as AdminGetUserCommand))).toMatchObject({
          name: 'UserNotFoundException',
          message: 'User does not exist.',
          status: 400,
        });
      }
    });

    it('disables, enables and deletes', async () => {
      const Username = await create();
      await running.cognito.send(new AdminDisableUserCommand(inPool({ Username })));
      await running.cognito.send(new AdminDisableUserCommand(inPool({ Username })));
      expect((await get(Username)).Enabled).toBe(false);
      await running.cognito.send(new AdminEnableUserCommand(inPool({ Username })));
      expect((await get(Username)).Enabled).toBe(true);
      await running.cognito.send(new AdminUserGlobalSignOutCommand(inPool({ Username })));
      const { users } = await control<{ users: { SignedOutAt: number | null }[] }>(
        running.sandbox.endpoints.cognito,
        'GET',
        `users?username=${Username}`,
      );
      expect(users[0]?.SignedOutAt).toBeGreaterThan(0);
      await running.cognito.send(new AdminDeleteUserCommand(inPool({ Username })));
      expect(await outcome(get(Username))).toMatchObject({ name: 'UserNotFoundException' });
    });

    it('finds users by filter and pages through all of them exactly once', async () => {
      const marker = randomUUID().slice(0, 8);
      const names = await Promise.all(
        Array.from({ length: 7 }, (_, i) => create({ email: `${marker}-${i}@example.com`, given_name: marker })),
      );
      const search = (Filter: string) => running.cognito.send(new ListUsersCommand(inPool({ Filter })));
      expect((await search(`email = "${marker}-3@example.com"`)).Users?.map((u) => u.Username)).toEqual([names[3]]);
      expect((await search(`"email" ^= "${marker}-"`)).Users).toHaveLength(7);
      expect((await search(`username = "${names[0]?.toUpperCase()}"`)).Users).toHaveLength(1);
      expect((await search(`email = "${marker}"`)).Users).toHaveLength(0);
      const seen: string[] = [];
      let PaginationToken: string | undefined;
      do {
        const page = await running.cognito.send(
          new ListUsersCommand(inPool({ Filter: `given_name = "${marker}"`, Limit: 3, PaginationToken })),
        );
        seen.push(...(page.Users ?? []).map((u) => u.Username ?? ''));
        PaginationToken = page.PaginationToken;
      } while (PaginationToken);
      expect(seen.sort()).toEqual([...names].sort());
    });

    it.each([
      [{ Filter: 'email eq "x"' }, 'Error while parsing filter'],
      [{ Filter: 'custom:role = "x"' }, 'Invalid search attribute'],
      [{ Filter: `email = "x" or 1=1 --"` }, 'Error while parsing filter'],
      [{ Limit: 61 }, 'less than or equal to 60'],
      [{ PaginationToken: 'bm9uc2Vuc2U' }, 'Invalid pagination token'],
      [{ AttributesToGet: ['custom:unknown'] }, 'requested attributes do not exist'],
    ])('refuses the search %j', async (input, words) => {
      expect(await outcome(running.cognito.send(new ListUsersCommand(inPool(input))))).toMatchObject({
        name: 'InvalidParameterException',
        message: expect.stringContaining(words) as string,
      });
    });
  });

  describe('groups', () => {
    it('creates once, reads, lists and deletes', async () => {
      const GroupName = await group();
      expect(await outcome(group(GroupName))).toMatchObject({ name: 'GroupExistsException' });
      expect((await running.cognito.send(new GetGroupCommand(inPool({ GroupName })))).Group).toMatchObject({
        GroupName,
        Precedence: 3,
      });
      expect((await running.cognito.send(new ListGroupsCommand(inPool({})))).Groups?.map((g) => g.GroupName)).toContain(
        GroupName,
      );
      await running.cognito.send(new DeleteGroupCommand(inPool({ GroupName })));
      expect(await outcome(running.cognito.send(new GetGroupCommand(inPool({ GroupName }))))).toMatchObject({
        name: 'ResourceNotFoundException',
        message: 'Group not found.',
      });
    });

    it('adds and removes members, also repeatedly, and deletes memberships with their user or group', async () => {
      const [Username, first, second] = [await create(), await group(), await group()];
      const groupsOf = async () =>
        ((await running.cognito.send(new AdminListGroupsForUserCommand(inPool({ Username })))).Groups ?? [])
          .map((g) => g.GroupName)
          .sort();
      for (const GroupName of [first, second, second])
        await running.cognito.send(new AdminAddUserToGroupCommand(inPool({ Username, GroupName })));
      expect(await groupsOf()).toEqual([first, second].sort());
      expect(
        (await running.cognito.send(new ListUsersInGroupCommand(inPool({ GroupName: first })))).Users?.map(
          (u) => u.Username,
        ),
      ).toEqual([Username]);
      for (let i = 0; i < 2; i++)
        await running.cognito.send(new AdminRemoveUserFromGroupCommand(inPool({ Username, GroupName: first })));
      await running.cognito.send(new DeleteGroupCommand(inPool({ GroupName: second })));
      expect(await groupsOf()).toEqual([]);
    });

    it('refuses membership in an unknown group', async () => {
      const [Username, GroupName] = [await create(), `missing-${randomUUID()}`];
      expect(
        await outcome(running.cognito.send(new AdminAddUserToGroupCommand(inPool({ Username, GroupName })))),
      ).toMatchObject({ name: 'ResourceNotFoundException' });
    });

    it('allows at most 100 groups per user', async () => {
      const Username = await create();
      const groups = await Promise.all(Array.from({ length: 101 }, () => group()));
      for (const GroupName of groups.slice(0, 100))
        await running.cognito.send(new AdminAddUserToGroupCommand(inPool({ Username, GroupName })));
      expect(
        await outcome(
          running.cognito.send(new AdminAddUserToGroupCommand(inPool({ Username, GroupName: groups[100] ?? '' }))),
        ),
      ).toMatchObject({ name: 'LimitExceededException' });
      const again = { Username, GroupName: groups[0] ?? '' };
      expect(await outcome(running.cognito.send(new AdminAddUserToGroupCommand(inPool(again))))).toMatchObject({
        name: 'ok',
      });
    });
  });

  describe('pools', () => {
    it('enforces limits and immutability of declared custom attributes', async () => {
      const { UserPool } = await running.cognito.send(
        new CreateUserPoolCommand({
          PoolName: 'mine',
          Schema: [
            { Name: 'email', AttributeDataType: 'String', Required: true },
            {
              Name: 'tenant',
              AttributeDataType: 'String',
              Mutable: false,
              StringAttributeConstraints: { MinLength: '1', MaxLength: '5' },
            },
          ],
          Policies: { PasswordPolicy: { MinimumLength: 20 } },
        }),
      );
      const UserPoolId = UserPool?.Id ?? '';
      expect(UserPoolId).toMatch(/^us-east-1_[0-9A-Za-z]{9}$/);
      const add = (Username: string, attributes: { Name: string; Value: string }[]) =>
        outcome(running.cognito.send(new AdminCreateUserCommand({ UserPoolId, Username, UserAttributes: attributes })));
      const email = { Name: 'email', Value: 'a@example.com' };
      expect(await add('a', [])).toMatchObject({
        name: 'InvalidParameterException',
        message: expect.stringContaining('email: The attribute email is required') as string,
      });
      expect(await add('a', [email, { Name: 'custom:tenant', Value: '123456' }])).toMatchObject({
        name: 'InvalidParameterException',
        message: expect.stringContaining('no longer than 5') as string,
      });
      expect(await add('a', [email, { Name: 'custom:tenant', Value: '12345' }])).toMatchObject({ name: 'ok' });
      expect(await add('A', [email])).toMatchObject({ name: 'ok' }); // usernames of a pool are case-sensitive by default
      const change = new AdminUpdateUserAttributesCommand({
        UserPoolId,
        Username: 'a',
        UserAttributes: [{ Name: 'custom:tenant', Value: 'x' }],
      });
      expect(await outcome(running.cognito.send(change))).toMatchObject({
        name: 'InvalidParameterException',
        message: expect.stringContaining('user.custom:tenant: Attribute cannot be updated.') as string,
      });
      expect(
        await outcome(
          running.cognito.send(new AdminSetUserPasswordCommand({ UserPoolId, Username: 'a', Password: STRONG })),
        ),
      ).toMatchObject({ name: 'InvalidPasswordException' });
      const described = await running.cognito.send(new DescribeUserPoolCommand({ UserPoolId }));
      expect(described.UserPool).toMatchObject({
        Id: UserPoolId,
        EstimatedNumberOfUsers: 2,
        Policies: { PasswordPolicy: { MinimumLength: 20 } },
      });
    });

    it('creates clients with and without a secret', async () => {
      const made = await running.cognito.send(
        new CreateUserPoolClientCommand(inPool({ ClientName: 'c', GenerateSecret: true })),
      );
      expect(made.UserPoolClient?.ClientSecret).toHaveLength(52);
      const ClientId = made.UserPoolClient?.ClientId ?? '';
      expect(
        (await running.cognito.send(new DescribeUserPoolClientCommand(inPool({ ClientId })))).UserPoolClient,
      ).toEqual(made.UserPoolClient);
      expect(
        (await running.cognito.send(new CreateUserPoolClientCommand(inPool({ ClientName: 'd' })))).UserPoolClient
          ?.ClientSecret,
      ).toBeUndefined();
      expect(
        await outcome(running.cognito.send(new DescribeUserPoolClientCommand(inPool({ ClientId: 'nope' })))),
      ).toMatchObject({ name: 'ResourceNotFoundException' });
    });

    it('separates the users of two pools', async () => {
      const { UserPool } = await running.cognito.send(new CreateUserPoolCommand({ PoolName: 'other' }));
      const Username = await create();
      expect(
        await outcome(running.cognito.send(new AdminGetUserCommand({ UserPoolId: UserPool?.Id ?? '', Username }))),
      ).toMatchObject({ name: 'UserNotFoundException' });
      expect(
        await outcome(running.cognito.send(new AdminGetUserCommand({ UserPoolId: 'us-east-1_000000000', Username }))),
      ).toMatchObject({
        name: 'ResourceNotFoundException',
        message: 'User pool us-east-1_000000000 does not exist.',
      });
    });
  });

  describe('the protocol', () => {
    const raw = async (headers: Record<string, string>, body: string) => {
      const response = await fetch(running.sandbox.endpoints.cognito, {
        method: 'POST',
        headers: { 'content-type': 'application/x-amz-json-1.1', ...headers },
        body,
      });
      return {
        status: response.status,
        type: response.headers.get('content-type'),
        body: (await response.json()) as { __type: string; message: string },
      };
    };
    const target = { 'x-amz-target': 'AWSCognitoIdentityProviderService.AdminGetUser' };
    const signed = {
      'x-amz-date': '20261125T000000Z',
      authorization: `AWS4-HMAC-SHA256 Credential=AKID/20261125/us-east-1/cognito-idp/aws4_request, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`,
    };

    it('refuses an unsigned request, a malformed signature and one for another service', async () => {
      expect(await raw(target, '{}')).toMatchObject({
        status: 400,
        type: 'application/x-amz-json-1.1',
        body: { __type: 'MissingAuthenticationTokenException' },
      });
      expect((await raw({ ...target, ...signed, authorization: 'Bearer x' }, '{}')).body.__type).toBe(
        'IncompleteSignatureException',
      );
      expect(
        (await raw({ ...target, ...signed, authorization: signed.authorization.replace('cognito-idp', 's3') }, '{}'))
          .body.__type,
      ).toBe('InvalidSignatureException');
    });

    it('names each missing or wrong member as AWS does', async () => {
      const { body } = await raw({ ...target, ...signed }, JSON.stringify({ UserPoolId: 'no pool' }));
      expect(body).toEqual({
        __type: 'InvalidParameterException',
        message:
          "2 validation errors detected: Value 'no pool' at 'userPoolId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w-]+_[0-9a-zA-Z]+; Value null at 'username' failed to satisfy constraint: Member must not be null",
      });
    });

    it('answers malformed requests with an error and goes on', async () => {
      for (const body of [
        '',
        '[]',
        'null',
        '{',
        '"x"',
        '{"UserPoolId":{"a":1},"Username":7}',
        '{"Username":"\\u0000"}',
        '\u0000',
      ]) {
        const answer = await raw({ ...target, ...signed }, body);
        expect(answer).toMatchObject({
          status: 400,
          body: { __type: expect.stringMatching(/^(Serialization|InvalidParameter)Exception$/) as string },
        });
      }
      for (const name of ['Nonsense', '__proto__', 'constructor', '']) {
        expect(
          (await raw({ ...signed, 'x-amz-target': `AWSCognitoIdentityProviderService.${name}` }, '{}')).body.__type,
        ).toBe('UnknownOperationException');
      }
      expect(await outcome(create({ name: 'after the garbage' }))).toMatchObject({ name: 'ok' });
    });
  });

  it('keeps users, groups, the pool and its client over a restart', async () => {
    const [Username, GroupName] = [await create({ email: 'stay@example.com' }), await group()];
    await running.cognito.send(new AdminAddUserToGroupCommand(inPool({ Username, GroupName })));
    const { pool } = running.sandbox.endpoints;
    running = await running.restart();
    expect(running.sandbox.endpoints.pool).toEqual(pool);
    expect(await attributesOf(Username)).toMatchObject({ email: 'stay@example.com' });
    expect(
      (await running.cognito.send(new AdminListGroupsForUserCommand(inPool({ Username })))).Groups?.map(
        (g) => g.GroupName,
      ),
    ).toEqual([GroupName]);
  });

  it('adds attributes that a newer sandbox declares to an existing pool', async () => {
    const second = await startSandbox({ customAttributes: ['role', 'tenant_id', 'okta_sub'] }, running.testDatabase);
    try {
      expect(second.poolId).toBe(running.poolId);
      const user = {
        UserPoolId: second.poolId,
        Username: randomUUID(),
        UserAttributes: [{ Name: 'custom:okta_sub', Value: '00u1' }],
      };
      expect(await outcome(second.cognito.send(new AdminCreateUserCommand(user)))).toMatchObject({ name: 'ok' });
    } finally {
      await second.end();
    }
  });
});
