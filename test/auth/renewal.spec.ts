/** Changes while the service runs: a new client secret, and a signing key that KMS refuses. */
import { writeOidcSecret } from '#secrets';
import { Browser } from '../support/auth-browser.js';
import { codeOn } from '../support/auth-journey.js';
import { FakeKms } from './kms.js';
import { world } from './world.js';

const KEY = 'arn:aws:kms:us-east-1:111122223333:key/first';

const { browser, op, rig, signIn, tenant } = await world();

it('uses a new client secret after a settings event, even if the settings are the same', async () => {
  expect((await signIn(browser())).status).toBe(303);
  await writeOidcSecret(rig.secrets, tenant, 'the-renewed-secret');
  const settings = { issuer: 'https://acme.okta.com', clientId: '0oa1stackflow2client' };
  await rig.people.publishSettings(tenant, 'default', { host: null, sso: settings });
  await rig.settingsKnown();
  expect((await signIn(browser())).status).toBe(303);
  const [before, after] = op.exchanges.map(({ authorization = '' }) =>
    Buffer.from(authorization.replace('Basic ', ''), 'base64').toString(),
  );
  expect(before).not.toContain('the-renewed-secret');
  expect(after).toContain(':the-renewed-secret');
});

it('shows a page that retries, and records the reason, while KMS does not sign', async () => {
  const kms = new FakeKms();
  kms.addKey(KEY);
  const KMS_ENDPOINT = await kms.start();
  try {
    const other = await rig.startService({ ASSERTION_KEY_FILES: '', ASSERTION_KMS_KEYS: KEY, KMS_ENDPOINT });
    kms.mode = 'denied';
    const page = await signIn(new Browser(other.url));
    expect([page.status, codeOn(page)]).toEqual([503, 'exchange_unavailable']);
    expect(page.headers['retry-after']).toMatch(/^\d+$/);
    expect((await rig.audit()).at(-1)).toMatchObject({
      event: 'login_refused',
      code: 'exchange_unavailable',
      detail: { signing: expect.stringContaining('AccessDeniedException') },
    });
    expect(kms.calls).toEqual(['GetPublicKey', 'Sign']);
  } finally {
    await kms.stop();
  }
});
