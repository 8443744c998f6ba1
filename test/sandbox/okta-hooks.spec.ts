import type { Delivery } from '../../apps/sandbox/src/okta/hooks/event-hooks.js';
import type { VerbResult } from '../../apps/sandbox/src/okta/okta.js';
import { eventually } from '../../tools/local/process.js';
import { HookReceiver } from '../support/hook-receiver.js';
import { ScimRecorder } from '../support/scim-recorder.js';
import { control, startSandbox, type RunningSandbox } from '../support/sandbox.js';

let running: RunningSandbox;
let scim: ScimRecorder;
let receiver: HookReceiver;
let base: string;
beforeAll(async () => {
  [running, scim, receiver] = await Promise.all([startSandbox(), ScimRecorder.start(), HookReceiver.start()]);
  base = running.sandbox.endpoints.okta;
});
afterAll(async () => {
  await running.stop();
  await scim.stop();
  await receiver.stop();
});

const SECRET = 'the hook secret';
const ANNA = 'anna@example.com';
let tenant = 0;
const org = {
  slug: '',
  ask: <T = object>(method: string, path: string, body?: object) =>
    control<T>(base, method, `apps/${org.slug}/${path}`, body),
  run: (verb: string, login = ANNA) => org.ask<VerbResult>('POST', verb, { login }),
  hook: (change: object = {}) => org.ask('PUT', 'event-hook', { url: receiver.url, secret: SECRET, ...change }),
};

/** A new org with an app. */
beforeEach(async () => {
  org.slug = `h${++tenant}`;
  scim.clear();
  receiver.clear();
  await control(base, 'PUT', `apps/${org.slug}`, { scimBaseUrl: scim.baseUrl, token: 't', mode: 'oin' });
});

describe('connecting an event hook', () => {
  it('sends the challenge once, with the secret, and does not show the secret', async () => {
    expect(await org.hook()).toMatchObject({ id: expect.stringMatching(/^who\w{17}$/), secret: '****' });
    expect(receiver.requests).toHaveLength(1);
    expect(receiver.requests[0]).toMatchObject({ method: 'GET', headers: { authorization: SECRET } });
    expect(await org.ask('GET', 'event-hook')).toMatchObject({ hook: { url: receiver.url, secret: '****' } });
  });

  it('refuses an endpoint with a wrong answer, and keeps the earlier hook', async () => {
    await org.hook({ events: ['user.lifecycle.suspend'] });
    receiver.verification = 'something else';
    expect(await org.hook()).toMatchObject({ error: expect.stringContaining('x-okta-verification-challenge') });
    receiver.clear();
    receiver.answers.push(404);
    expect(await org.hook()).toMatchObject({ error: expect.stringContaining('404') });
    expect(receiver.requests).toHaveLength(1);
    expect(await org.ask('GET', 'event-hook')).toMatchObject({ hook: { events: ['user.lifecycle.suspend'] } });
  });

  it('repeats the verification once after a 5xx, and reports the reason', async () => {
    receiver.answers.push(503);
    expect(await org.hook()).toHaveProperty('id');
    expect(receiver.requests).toHaveLength(2);
    expect(await org.hook({ url: 'http://127.0.0.1:9/' })).toMatchObject({
      error: expect.stringMatching(/bad port|ECONNREFUSED/),
    });
    for (const change of [{ url: 'ftp://x' }, { secret: 'a\nb' }, { secret: '' }, { events: [] }, { events: ['X'] }])
      expect(await org.hook(change)).toHaveProperty('error');
  });
});

describe('the event hook', () => {
  it('sends each lifecycle change as a System Log event with the secret', async () => {
    await org.hook();
    const assigned = await org.run('assign');
    expect(assigned.deliveries).toMatchObject([{ state: 'delivered', attempts: [{ status: 200 }] }]);
    for (const verb of ['suspend', 'unsuspend', 'deactivate', 'delete']) await org.run(verb);
    expect(receiver.types).toEqual([
      'user.lifecycle.create',
      'user.lifecycle.activate',
      'application.user_membership.add',
      'user.lifecycle.suspend',
      'user.lifecycle.unsuspend',
      'user.lifecycle.deactivate',
      'application.user_membership.remove',
      'user.lifecycle.delete.initiated',
    ]);
    const post = receiver.requests.find((r) => r.method === 'POST');
    expect(post?.headers).toMatchObject({ authorization: SECRET, 'content-type': 'application/json' });
    expect(post?.body).toMatchObject({
      eventType: 'com.okta.event_hook',
      eventId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      eventTime: expect.stringMatching(/Z$/),
      data: {
        events: expect.arrayContaining([
          expect.objectContaining({
            uuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
            published: expect.stringMatching(/Z$/),
            outcome: { result: 'SUCCESS', reason: null },
            target: [
              { id: expect.stringMatching(/^00u\w{17}$/), type: 'User', alternateId: ANNA, displayName: 'anna Person' },
            ],
          }),
        ]),
      },
    });
    expect(new Set(receiver.events.map((e) => e.uuid)).size).toBe(8);
    expect(new Set(receiver.events.map((e) => e.target.find((t) => t.type === 'User')?.id)).size).toBe(1);
  });

  it('sends nothing if nothing changed', async () => {
    await org.hook();
    await org.run('assign');
    await org.run('deactivate');
    receiver.clear();
    for (const verb of ['deactivate', 'suspend', 'unsuspend', 'unassign']) await org.run(verb);
    expect(receiver.requests).toEqual([]);
  });

  it('sends only subscribed events, and nothing once the hook is deleted', async () => {
    await org.hook({ events: ['user.lifecycle.suspend'] });
    await org.run('assign');
    await org.run('suspend');
    expect(receiver.types).toEqual(['user.lifecycle.suspend']);
    await org.ask('DELETE', 'event-hook');
    expect((await org.run('unsuspend')).deliveries).toEqual([]);
  });

  it('reports a deactivation although its SCIM request failed, because Okta has changed', async () => {
    await org.hook();
    await org.run('assign');
    receiver.clear();
    scim.canned.push({ status: 500, body: { detail: 'broken' } });
    expect(await org.run('deactivate')).toMatchObject({ ok: false, deliveries: [{ state: 'delivered' }] });
    expect(receiver.types).toContain('user.lifecycle.deactivate');
  });

  it('names the app, its user and the person in an event about an assignment', async () => {
    await org.hook();
    await org.run('assign');
    receiver.clear();
    await org.run('unassign');
    const { appId } = await org.ask<{ appId: string }>('POST', 'api-token');
    expect(receiver.events.map((e) => e.target)).toEqual([
      [
        expect.objectContaining({ id: expect.stringMatching(/^0ua\w{17}$/), type: 'AppUser', alternateId: ANNA }),
        expect.objectContaining({ id: appId, type: 'AppInstance' }),
        expect.objectContaining({ id: expect.stringMatching(/^00u\w{17}$/), type: 'User', alternateId: ANNA }),
      ],
    ]);
  });

  it('is all that reports an unassignment if the app does not "Deactivate Users"', async () => {
    await org.hook();
    const app = { scimBaseUrl: scim.baseUrl, mode: 'oin' };
    await control(base, 'PUT', `apps/${org.slug}`, { ...app, deactivateUsers: false });
    await org.run('assign');
    scim.clear();
    receiver.clear();
    expect(await org.run('unassign')).toMatchObject({ ok: true, note: expect.stringContaining('Deactivate Users') });
    expect(scim.requests).toEqual([]);
    expect(receiver.types).toEqual(['application.user_membership.remove']);
  });

  it('keeps the hooks of tenants apart, also after a restart', async () => {
    await org.hook();
    const first = org.slug;
    org.slug = `h${++tenant}`;
    await control(base, 'PUT', `apps/${org.slug}`, { scimBaseUrl: scim.baseUrl, token: 't' });
    expect((await org.run('assign')).deliveries).toEqual([]);
    running = await running.restart();
    base = running.sandbox.endpoints.okta;
    org.slug = first;
    expect((await org.run('assign')).deliveries).toMatchObject([{ state: 'delivered' }]);
  });
});

describe('the event hook, if the receiver fails', () => {
  const statuses = (d: readonly Delivery[]) => d.map((x) => [x.state, ...x.attempts.map((a) => a.status)]);

  it('repeats the same event once after a 5xx, and never after a 4xx', async () => {
    await org.hook();
    await org.run('assign');
    receiver.clear();
    receiver.answers.push(503, 204);
    expect(statuses((await org.run('suspend')).deliveries)).toEqual([['delivered', 503, 204]]);
    expect(new Set(receiver.requests.map((r) => r.body.eventId)).size).toBe(1);
    receiver.answers.push(500, 502);
    expect(statuses((await org.run('unsuspend')).deliveries)).toEqual([['failed', 500, 502]]);
    receiver.answers.push(401);
    expect(statuses((await org.run('suspend')).deliveries)).toEqual([['refused', 401]]);
  });

  it('gives up waiting after 3 seconds and repeats once', async () => {
    await org.hook();
    await org.run('assign');
    receiver.answers.push(null, 200);
    const { deliveries } = await org.run('suspend');
    expect(statuses(deliveries)).toEqual([['delivered', null, 200]]);
    expect(deliveries[0]?.attempts[0]?.error).toContain('3 s');
  });
});

describe('the knobs', () => {
  it('duplicate deliveries with the same ids', async () => {
    await org.hook();
    await org.run('assign');
    receiver.clear();
    expect(await org.ask('PUT', 'event-hook/knobs', { duplicate: 2 })).toEqual({ duplicate: 2, delayMs: 0 });
    expect((await org.run('suspend')).deliveries).toHaveLength(3);
    expect(receiver.requests).toHaveLength(3);
    expect(new Set(receiver.events.map((e) => e.uuid)).size).toBe(1);
  });

  it('delay deliveries, so that a later event overtakes an earlier one', async () => {
    await org.hook();
    await org.run('assign');
    receiver.clear();
    await org.ask('PUT', 'event-hook/knobs', { delayMs: 600_000 });
    expect((await org.run('suspend')).deliveries).toMatchObject([{ state: 'waiting', attempts: [] }]);
    await org.ask('PUT', 'event-hook/knobs', { delayMs: 0 });
    await org.run('unsuspend');
    expect(receiver.types).toEqual(['user.lifecycle.unsuspend']);
    expect(await org.ask('POST', 'event-hook/release')).toMatchObject({ deliveries: [{ state: 'delivered' }] });
    expect(receiver.types).toEqual(['user.lifecycle.unsuspend', 'user.lifecycle.suspend']);
    const [late = '', early = ''] = receiver.events.map((e) => e.published);
    expect(Date.parse(early)).toBeLessThan(Date.parse(late));
    const { deliveries } = await org.ask<{ deliveries: Delivery[] }>('GET', 'event-hook/deliveries');
    expect(deliveries.map((d) => d.state)).toEqual(['delivered', 'delivered', 'delivered']);
  });

  it('deliver when the delay is over, and do not delay the end of the sandbox', async () => {
    await org.hook();
    await org.run('assign');
    receiver.clear();
    await org.ask('PUT', 'event-hook/knobs', { delayMs: 50 });
    await org.run('suspend');
    expect(await eventually(() => receiver.events.length === 1, 60_000)).toBe(true);
    await org.ask('PUT', 'event-hook/knobs', { delayMs: 600_000 });
    await org.run('unsuspend');
    running = await running.restart();
    base = running.sandbox.endpoints.okta;
    expect(receiver.types).toEqual(['user.lifecycle.suspend']);
  });

  it('forge an event with any secret, time and user', async () => {
    await org.hook();
    await org.run('assign');
    receiver.clear();
    const published = '2020-01-01T00:00:00Z';
    await org.ask('POST', 'event-hook/forge', {
      type: 'user.lifecycle.suspend',
      login: ANNA,
      published,
      secret: 'guess',
    });
    await org.ask('POST', 'event-hook/forge', { type: 'user.lifecycle.deactivate', userId: 'whoever' });
    expect(receiver.requests.map((r) => r.headers.authorization)).toEqual(['guess', SECRET]);
    expect(receiver.events).toMatchObject([
      { eventType: 'user.lifecycle.suspend', published: '2020-01-01T00:00:00.000Z', target: [{ alternateId: ANNA }] },
      { eventType: 'user.lifecycle.deactivate', target: [{ id: 'whoever' }] },
    ]);
    const { people } = await org.ask<{ people: { status: string }[] }>('GET', 'people');
    expect(people).toMatchObject([{ status: 'ACTIVE' }]);
    expect(await org.ask('POST', 'event-hook/forge', { type: 'user.lifecycle.suspend' })).toHaveProperty('error');
  });
});

describe('deleting a person', () => {
  it('requires a deactivated person, deletes all their data, and sends no SCIM request', async () => {
    const { exchanges } = await org.run('assign');
    expect(exchanges).not.toEqual([]);
    expect(await org.run('delete')).toMatchObject({ error: expect.stringContaining('use "deactivate" first') });
    await org.run('suspend');
    expect(await org.run('delete')).toMatchObject({ error: expect.stringContaining('SUSPENDED') });
    await org.run('deactivate');
    scim.clear();
    expect(await org.run('delete')).toMatchObject({ ok: true, exchanges: [] });
    expect(scim.requests).toEqual([]);
    expect(await org.ask('GET', 'people')).toEqual({ people: [] });
    expect(await org.run('delete')).toMatchObject({ error: expect.stringContaining('no person') });
  });
});
