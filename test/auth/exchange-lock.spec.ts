/** An exchange and an event about the same person at the same time: whichever comes first, nobody without access gets a token. */
import type { Queryable, Tx } from '#platform';

import { eventually } from '../support/auth.js';
import { world } from './world.js';

const TYPE = 'urn:ietf:params:oauth:token-type:';
const { ada, op, rig, service, tenant } = await world();
const policy = { tenants: [tenant], audiences: ['incidents'], tokenKinds: ['id_token'] };
const made = await fetch(`${service.url}/internal/exchange/clients/billing`, {
  method: 'PUT',
  headers: { authorization: 'Bearer internal-token-of-the-tests', 'content-type': 'application/json' },
  body: JSON.stringify(policy),
});
const { clientSecret: secret } = (await made.json()) as { clientSecret: string };

async function exchange(): Promise<number> {
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: op.sign(op.idTokenClaims({})),
    subject_token_type: `${TYPE}id_token`,
  };
  const answer = await fetch(`${service.url}/auth/okta/obo/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`billing:${secret}`).toString('base64')}` },
    body: new URLSearchParams(form),
  });
  return answer.status;
}

/** `hold` takes a lock that the exchange runs into; then `meanwhile` is done, and the lock given back. */
async function exchangeAgainst(
  hold: (tx: Tx) => Promise<unknown>,
  meanwhile: () => Promise<unknown> = () => Promise.resolve(),
): Promise<number> {
  let answer: Promise<number> | undefined;
  await rig.admin.tx(async (tx) => {
    await hold(tx);
    answer = exchange();
    await eventually(async () => {
      const [row] = await rig.admin.query<{ waiting: number }>(
        `select count(*)::int as waiting from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock' and usename = 'auth_service'`,
      );
      if (row?.waiting !== 1) throw new Error('the exchange has not come to the lock');
    });
    await meanwhile();
  });
  if (!answer) throw new Error('no exchange was begun');
  return answer;
}

const setStatus = (queryable: Queryable, status: string): Promise<unknown> =>
  queryable.query('update auth.account set access_status = $2, access_version = access_version + 1 where id = $1', [
    ada.id,
    status,
  ]);
const lastAudit = async () => (await rig.audit(`event in ('exchange', 'exchange_refused')`)).at(-1);

it('gives a token when the event changed something else', async () => {
  const status = await exchangeAgainst((tx) =>
    tx.query(`update auth.account set display_name = 'Ada', version = version + 1 where id = $1`, [ada.id]),
  );
  expect(status).toBe(200);
  expect(await lastAudit()).toMatchObject({ event: 'exchange', account_id: ada.id });
});

it('gives no token to whom an event takes access away, and revokes what Cognito gave', async () => {
  const status = await exchangeAgainst((tx) => setStatus(tx, 'inactive'));
  await setStatus(rig.admin, 'active');
  expect(status).toBe(400);
  expect(await lastAudit()).toMatchObject({ code: 'person_refused', detail: { person: 'account_inactive' } });
  expect(await rig.cognitoCalls('RevokeToken')).toHaveLength(1);
});

it('gives no token to whom Okta signs out meanwhile', async () => {
  const status = await exchangeAgainst((tx) =>
    tx.query('update auth.account set signing_out = gen_random_uuid() where id = $1', [ada.id]),
  );
  await rig.admin.query('update auth.account set signing_out = null where id = $1', [ada.id]);
  expect(status).not.toBe(200);
});

it('gives no token when a second account with the Okta id has come before it was recorded', async () => {
  const other = await rig.addPerson(ada.tenant, { externalId: null });
  const link = (externalId: string | null): Promise<unknown> =>
    rig.admin.query('update auth.account set external_id = $2 where id = $1', [other.id, externalId]);
  // Between the two calls to Cognito: the second one waits for its token.
  const status = await exchangeAgainst(
    (tx) => tx.query(`select 1 from limits.bucket where name = 'UserAuthenticationResponse' for update`),
    () => link(ada.externalId),
  );
  await link(null);
  expect(status).toBe(400);
  expect(await lastAudit()).toMatchObject({ detail: { person: 'account_ambiguous' } });
});
