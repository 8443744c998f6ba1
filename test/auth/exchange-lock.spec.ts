/** An exchange and an event about the same person at the same time: a person without access never gets a token. */
import type { Queryable, Tx } from '#platform';
import { exchangeRig, formOf } from './exchange-rig.js';
import { eventually } from '../support/waiting.js';

const rig = await exchangeRig();
const { admin } = rig.auth;

const exchange = async (): Promise<number> => (await rig.exchange(formOf(rig.idToken(), 'id_token'))).status;

/** `hold` takes a lock that the exchange waits for. Then `meanwhile` runs, and the lock is released. */
async function exchangeAgainst(
  hold: (tx: Tx) => Promise<unknown>,
  meanwhile: () => Promise<unknown> = () => Promise.resolve(),
): Promise<number> {
  let answer: Promise<number> | undefined;
  await admin.tx(async (tx) => {
    await hold(tx);
    answer = exchange();
    await eventually(async () => {
      const [row] = await admin.query<{ waiting: number }>(
        `select count(*)::int as waiting from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock' and usename = 'auth_service'`,
      );
      if (row?.waiting !== 1) throw new Error('the exchange does not wait for the lock');
    });
    await meanwhile();
  });
  if (!answer) throw new Error('no exchange was started');
  return answer;
}

const setStatus = (queryable: Queryable, status: string): Promise<unknown> =>
  queryable.query('update auth.account set access_status = $2, access_version = access_version + 1 where id = $1', [
    rig.ada.id,
    status,
  ]);

it('issues a token when the event did not change the access', async () => {
  const status = await exchangeAgainst((tx) =>
    tx.query(`update auth.account set display_name = 'Ada', version = version + 1 where id = $1`, [rig.ada.id]),
  );
  expect(status).toBe(200);
  expect(await rig.lastAudit()).toMatchObject({ event: 'exchange', account_id: rig.ada.id });
});

it('issues no token when an event takes access away, and revokes the one from Cognito', async () => {
  const status = await exchangeAgainst((tx) => setStatus(tx, 'inactive'));
  await setStatus(admin, 'active');
  expect(status).toBe(400);
  expect(await rig.lastAudit()).toMatchObject({ code: 'person_refused', detail: { person: 'account_inactive' } });
  expect(await rig.auth.cognitoCalls('RevokeToken')).toHaveLength(1);
});

it('issues no token when Okta signs the person out meanwhile', async () => {
  const status = await exchangeAgainst((tx) =>
    tx.query('update auth.account set signing_out = gen_random_uuid() where id = $1', [rig.ada.id]),
  );
  await admin.query('update auth.account set signing_out = null where id = $1', [rig.ada.id]);
  expect(status).not.toBe(200);
});

it('issues no token when a second account with the Okta id has appeared meanwhile', async () => {
  const other = await rig.auth.addPerson(rig.tenant, { externalId: null });
  const link = (externalId: string | null): Promise<unknown> =>
    admin.query('update auth.account set external_id = $2 where id = $1', [other.id, externalId]);
  // Blocks the exchange between its two calls to Cognito, by the quota bucket of the second one.
  const status = await exchangeAgainst(
    (tx) => tx.query(`select 1 from limits.bucket where name = 'UserAuthenticationResponse' for update`),
    () => link(rig.ada.externalId),
  );
  await link(null);
  expect(status).toBe(400);
  expect(await rig.lastAudit()).toMatchObject({ detail: { person: 'account_ambiguous' } });
});
