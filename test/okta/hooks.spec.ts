/** libs/okta reads what the sandbox Okta delivers. */
import { hookEvents, verifyHookSecret } from '#okta';
import { HookReceiver } from '../support/hook-receiver.js';
import { ScimRecorder } from '../support/scim-recorder.js';
import { startSandbox, type RunningSandbox } from '../support/sandbox.js';
import { Org } from './org.js';

const SECRET = 'a secret of the hook';
const ANNA = 'anna@example.com';
let running: RunningSandbox;
let scim: ScimRecorder;
let receiver: HookReceiver;
beforeAll(async () => {
  [running, scim, receiver] = await Promise.all([startSandbox(), ScimRecorder.start(), HookReceiver.start()]);
});
afterAll(async () => {
  await running.stop();
  await scim.stop();
  await receiver.stop();
});

it("reads the events of an org's people, with the ids that the Management API uses", async () => {
  const org = await Org.create(running, scim.baseUrl);
  await org.ask('PUT', 'event-hook', { url: receiver.url, secret: SECRET });
  receiver.clear();
  for (const verb of ['assign', 'suspend', 'deactivate']) await org.run(verb, ANNA);
  const read = receiver.requests.map((r) => hookEvents(r.body));
  expect(read.map((events) => events.map((e) => e.type))).toEqual([
    ['user.lifecycle.create', 'user.lifecycle.activate', 'application.user_membership.add'],
    ['user.lifecycle.suspend'],
    ['user.lifecycle.deactivate', 'application.user_membership.remove'],
  ]);
  const [user = ''] = new Set(read.flat().map((e) => e.userId));
  expect(await org.client().user(user)).toMatchObject({ status: 'DEPROVISIONED', profile: { login: ANNA } });
  expect(receiver.requests.every((r) => verifyHookSecret(r.headers.authorization, SECRET))).toBe(true);
});

it('recognises a forged secret, a repetition and an older event', async () => {
  const org = await Org.create(running, scim.baseUrl);
  await org.run('assign', ANNA);
  await org.ask('PUT', 'event-hook', { url: receiver.url, secret: SECRET });
  receiver.clear();
  await org.ask('PUT', 'event-hook/knobs', { duplicate: 1 });
  await org.run('suspend', ANNA);
  const past = { type: 'user.lifecycle.unsuspend', login: ANNA, published: '2020-01-01T00:00:00Z', secret: 'guess' };
  await org.ask('POST', 'event-hook/forge', past);
  expect(receiver.requests.map((r) => verifyHookSecret(r.headers.authorization, SECRET))).toEqual([true, true, false]);
  const [first, second, forged] = receiver.requests.map((r) => hookEvents(r.body)[0]);
  expect(second).toEqual(first);
  expect(forged).toMatchObject({ type: 'user.lifecycle.unsuspend', published: '2020-01-01T00:00:00.000Z' });
  expect(forged?.userId).toBe(first?.userId);
});
