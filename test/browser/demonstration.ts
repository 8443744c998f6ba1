/** Test 3 of `npm run demo`, which signs in over HTTP without a browser. It must pass exactly where Chromium passes. */
import { Okta } from '../../tools/demo/okta.js';
import { UserPoolReader } from '../../tools/demo/user-pool.js';
import { signIn } from '../../tools/demo/sign-in.js';
import { readStack } from '../../tools/demo/stack.js';
import type { Result, Tools } from '../../tools/demo/step.js';
import { Records } from '../../tools/demo/timeline.js';
import { LINUS } from './sign-in.js';
import { LIMIT_MS, type World } from './world.js';

export function demonstration(world: () => World): void {
  const lines: string[] = [];
  const demonstrate = async (role: string): Promise<Result> => {
    const stack = await readStack(world().stack.folder);
    const records = await Records.open(stack, world().stack.folder);
    const okta = new Okta(stack.sandbox.okta, 'default', 'aiw', 0);
    const pool = new UserPoolReader(stack);
    const tools = {
      okta,
      pool,
      records,
      tenantId: stack.tenants[0]?.id,
      print: (line: string) => void lines.push(line),
    };
    try {
      return await signIn(tools as Tools, stack, { login: LINUS, firstName: 'Linus', lastName: 'Pauling' }, role);
    } finally {
      pool.close();
      await records.close();
    }
  };

  it(
    'passes in npm run demo, and the timeline shows each step',
    async () => {
      expect((await demonstrate('viewer')).wrong).toEqual([]);
      for (const part of ['oidc.token', 'AdminRespondToAuthChallenge', 'records login', '200 from /desk/caller'])
        expect(lines.filter((line) => line.includes(part)).map((line) => line.trim())).toEqual([
          expect.stringMatching(/^\+\d+\.\d ms/),
        ]);
    },
    LIMIT_MS,
  );

  it(
    'fails in npm run demo with the difference if the roles are wrong',
    async () => {
      const { wrong } = await demonstrate('itsm_agent');
      expect(wrong.join('\n')).toMatch(
        /the session has roles .*\n.*primaryRole.*\nthe access token has roles .*\n.*cognito:groups.*\nCognito.*custom:role.*\nthe guarded service has roles/,
      );
    },
    LIMIT_MS,
  );
}
