/** Test 3 of the product page: sign in through Okta, land where it began, with the right role claims. */
import { CognitoIdentityProviderClient, GetUserCommand } from '@aws-sdk/client-cognito-identity-provider';
import { decodeJwt } from 'jose';
import { LIMIT_MS, reloadUntil, type World } from './world.js';

export const ADA = 'ada@example.com';
export const GRACE = 'grace@example.com';
export const LINUS = 'linus@example.com';

/** Attributes of the user pool's user whose token this is; Cognito itself checks the token. */
async function userOf(world: World, accessToken: string): Promise<Record<string, string | undefined>> {
  const { sandbox, cognito } = world.stack.description;
  const client = new CognitoIdentityProviderClient({
    region: cognito.region,
    endpoint: sandbox.cognito,
    credentials: { accessKeyId: 'none', secretAccessKey: 'none' },
  });
  try {
    const { UserAttributes = [] } = await client.send(new GetUserCommand({ AccessToken: accessToken }));
    return Object.fromEntries(
      UserAttributes.map(({ Name = '', Value }): [string, string | undefined] => [Name, Value]),
    );
  } finally {
    client.destroy();
  }
}

const DEEP = '/desk/incidents/42?view=all&q=a%2Fb%20c#comments';
const TEMPTING = '/?next=%2F%2Fevil.example';

export function signingIn(world: () => World, { thorough }: { readonly thorough: boolean }): void {
  it.each(thorough ? [DEEP, TEMPTING] : [DEEP])(
    'leads back to exactly where it began: %s',
    async (path) => {
      const person = await world().person();
      const tab = await person.open(path);
      await tab.getByRole('link', { name: 'Sign in with Okta' }).click();
      await person.pick(tab, ADA);
      expect(tab.url()).toBe(person.origin + path);
      await reloadUntil(tab, 'The guarded service let you in, as itsm_agent.');
      expect(await person.session(tab)).toMatchObject({ account: { userName: ADA } });
    },
    LIMIT_MS,
  );

  const holders: [string, string[]][] = [
    [GRACE, ['super_admin', 'viewer']],
    [ADA, ['itsm_agent']],
  ];
  it.each(thorough ? holders : holders.slice(0, 1))(
    'gives %s a token with the roles of the groups: %j',
    async (login, roles) => {
      const person = await world().person();
      const tab = await person.signIn(login);
      const session = await person.session(tab);
      if (!session) throw new Error('there is no session');
      expect(session).toMatchObject({ account: { userName: login }, roles, primaryRole: roles[0] });
      const claims = decodeJwt(session.accessToken);
      expect(claims).toMatchObject({ token_use: 'access', username: session.account.id, tenant_id: session.tenant.id });
      expect([claims['cognito:groups'], claims.roles].map((list) => (list as string[]).toSorted())).toEqual([
        roles,
        roles,
      ]);
      expect(await userOf(world(), session.accessToken)).toMatchObject({
        'custom:role': roles[0],
        'custom:tenant_id': session.tenant.id,
        email: login,
      });
      await reloadUntil(tab, `The guarded service let you in, as ${roles.join(', ')}.`);
    },
    LIMIT_MS,
  );
}
