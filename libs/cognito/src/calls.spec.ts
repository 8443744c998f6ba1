import { Metrics } from '#platform';
import { CognitoCalls } from './calls.js';
import type { QuotaGate } from './quota-gate.js';
import type { SignOutCategory } from './quotas.js';

describe('the quota that a call to Cognito takes', () => {
  async function taken(signOutCategory?: SignOutCategory): Promise<string[]> {
    const categories: string[] = [];
    const quota = { take: (category: string) => Promise.resolve(void categories.push(category)) };
    const calls = new CognitoCalls({
      region: 'us-east-1',
      quota: quota as unknown as QuotaGate,
      metrics: new Metrics('test'),
      ...(signOutCategory && { signOutCategory }),
    });
    await calls.make('AdminDisableUser', 'offboarding', () => Promise.resolve());
    await calls.make('AdminUserGlobalSignOut', 'urgent', () => Promise.resolve());
    calls.close();
    return categories;
  }

  it('is that of its category, and sign-outs count with the disables by default', async () => {
    expect(await taken()).toEqual(['UserUpdate', 'UserUpdate']);
  });

  it('is UserToken for sign-outs if the operator has configured that', async () => {
    expect(await taken('UserToken')).toEqual(['UserUpdate', 'UserToken']);
  });
});
