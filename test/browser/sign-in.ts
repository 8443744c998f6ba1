/** Test 3 of the product page: a sign-in through Okta returns to the first page, with the right role claims. */
import { decodeJwt } from 'jose';
import { UserPoolReader } from '../../tools/demo/user-pool.js';
import { LIMIT_MS, reloadUntil, type World } from './world.js';

export const ADA = 'ada@example.com';
export const GRACE = 'grace@example.com';
export const LINUS = 'linus@example.com';

const DEEP = '/desk/incidents/42?view=all&q=a%2Fb%20c#comments';
const TEMPTING = '/?next=%2F%2Fevil.example';

export function signingIn(world: () => World, { thorough }: { readonly thorough: boolean }): void {
  it.each(thorough ? [DEEP, TEMPTING] : [DEEP])(
    'returns to the first page: %s',
    async (path) => {
      const person = await world().person();
      const tab = await person.open(path);
      await tab.getByRole('link', { name: 'Sign in with Okta' }).click();
      await person.pick(tab, ADA);
      expect(tab.url()).toBe(person.origin + path);
      await reloadUntil(tab, 'The guarded service accepted you as itsm_agent.');
      expect(await person.session(tab)).toMatchObject({ account: { userName: ADA } });
    },
    LIMIT_MS,
  );

  const holders: [string, string[]][] = [
    [GRACE, ['super_admin', 'viewer']],
    [ADA, ['itsm_agent']],
  ];
  it.each(thorough ? holders : holders.slice(0, 1))(
    'gives %s an access token with the roles of the groups: %j',
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
      const pool = new UserPoolReader(world().stack.description);
      const user = await pool.read(session.account.id);
      pool.close();
      expect(user?.attributes).toMatchObject({
        'custom:role': roles[0],
        'custom:tenant_id': session.tenant.id,
        email: login,
      });
      await reloadUntil(tab, `The guarded service accepted you as ${roles.join(', ')}.`);
    },
    LIMIT_MS,
  );
}
