/**
 * Clocks that are five minutes apart. Tokens contain Cognito's time; the worker and its database have another. A proxy
 * between the two shifts the time in Cognito's answers, so no real clock has to be changed.
 */
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isFenced } from '../../libs/access-guard/src/decide.js';
import type { Tenant } from '../support/identity-directory.js';
import { Rig } from './rig.js';

/** Cognito with a clock that is `shiftMs` ahead of ours; null = its answers contain no time. */
async function shifted(target: string, shiftMs: number | null): Promise<Server> {
  const server = createServer((incoming, outgoing) => {
    const forward = request(
      target,
      { method: incoming.method, path: incoming.url, headers: incoming.headers },
      (answer) => {
        const { date, ...headers } = answer.headers;
        if (shiftMs === null) outgoing.sendDate = false;
        else headers.date = new Date(Date.parse(date ?? '') + shiftMs).toUTCString();
        outgoing.writeHead(answer.statusCode ?? 500, headers);
        answer.pipe(outgoing);
      },
    );
    incoming.pipe(forward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

describe.each([-300_000, 0, 300_000])('with Cognito %i ms ahead', (shiftMs) => {
  let rig: Rig;
  let tenant: Tenant;
  let proxy: Server;
  beforeAll(async () => {
    rig = await Rig.start();
    proxy = await shifted(rig.cognito.url, shiftMs);
    await rig.startWorker({ COGNITO_ENDPOINT: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` });
    tenant = await rig.addTenant();
  });
  afterAll(async () => {
    await rig.close();
    proxy.close();
    proxy.closeAllConnections();
  });

  /** The `iat` of a token that Cognito issues at `at` of our clock. */
  const issuedAt = (at: number): number => Math.floor((at + shiftMs) / 1000);
  /** The last instant at which a token from before the offboarding can have been issued, and the first fresh ones. */
  const fenceAfterReopening = async (): Promise<{ notBefore: number; lastOld: number; firstFresh: number }> => {
    const ada = await rig.addPerson(tenant);
    await rig.directory.setActive(ada, false);
    const [disabled] = await callsOf(ada.id, 'AdminDisableUser');
    await rig.directory.setActive(ada, true);
    const [enabled] = await callsOf(ada.id, 'AdminEnableUser');
    const last = (await rig.access(ada)).at(-1);
    expect(last?.status).toBe('active');
    return { notBefore: Date.parse(last?.notBefore ?? ''), lastOld: disabled ?? NaN, firstFresh: enabled ?? NaN };
  };
  const callsOf = async (id: string, operation: string): Promise<number[]> => {
    await rig.quiet();
    return (await rig.cognito.calls(`subject=${id}&operation=${operation}`)).map((call) => call.at);
  };

  it('refuses every token from before the offboarding and accepts a fresh login', async () => {
    const { notBefore, lastOld, firstFresh } = await fenceAfterReopening();
    expect(isFenced(issuedAt(lastOld), notBefore)).toBe(true);
    expect(isFenced(issuedAt(lastOld - 60_000), notBefore)).toBe(true);
    expect(isFenced(issuedAt(firstFresh + 3_000), notBefore)).toBe(false);
  });

  it('refuses every token from before a sign-out, accepts a fresh login, and never moves the fence back', async () => {
    const ada = await rig.addPerson(tenant);
    await rig.directory.setActive(ada, false);
    await rig.quiet();
    await rig.directory.setActive(ada, true);
    await rig.quiet();
    await rig.signOut(tenant, ada);
    const [before, at] = await callsOf(ada.id, 'AdminUserGlobalSignOut');
    const fences = (await rig.access(ada)).flatMap(({ notBefore }) => (notBefore ? [Date.parse(notBefore)] : []));
    const [last] = fences.slice(-1);
    expect(isFenced(issuedAt(at ?? NaN), last ?? null)).toBe(true);
    expect(isFenced(issuedAt(before ?? NaN), last ?? null)).toBe(true);
    // If our clock is ahead, the fence that it set stays in force.
    const fresh = Math.max(issuedAt((at ?? NaN) + 3_000), Math.floor(Date.now() / 1000) + 1);
    expect(isFenced(fresh, last ?? null)).toBe(false);
    const lifted = fences.slice(-3);
    expect([...lifted].sort((a, b) => a - b)).toEqual(lifted);
  });

  it('refuses every token from before a sign-out of somebody who never lost access, and accepts a fresh login', async () => {
    const eve = await rig.addPerson(tenant);
    await rig.signOut(tenant, eve);
    const [at] = await callsOf(eve.id, 'AdminUserGlobalSignOut');
    const notBefore = Date.parse((await rig.access(eve)).at(-1)?.notBefore ?? '');
    expect(isFenced(issuedAt(at ?? NaN), notBefore)).toBe(true);
    const fresh = Math.max(issuedAt((at ?? NaN) + 3_000), Math.floor(Date.now() / 1000) + 1);
    expect(isFenced(fresh, notBefore)).toBe(false);
  });

  it('refuses all tokens of a person without access by the status, whatever the clocks say', async () => {
    const bea = await rig.addPerson(tenant);
    await rig.directory.setActive(bea, false);
    await rig.quiet();
    expect((await rig.access(bea)).at(-1)?.status).toBe('inactive');
  });
});

it("uses the database's clock if Cognito's answers contain no time", async () => {
  const rig = await Rig.start();
  const proxy = await shifted(rig.cognito.url, null);
  try {
    await rig.startWorker({ COGNITO_ENDPOINT: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` });
    const ada = await rig.addPerson(await rig.addTenant());
    await rig.directory.setActive(ada, false);
    await rig.quiet();
    const [closed] = await rig.cases(ada);
    await rig.directory.setActive(ada, true);
    await rig.quiet();
    const notBefore = Date.parse((await rig.access(ada)).at(-1)?.notBefore ?? '');
    expect(notBefore).toBeGreaterThan(closed?.disabled_at?.getTime() ?? NaN);
    const [now] = await rig.admin.query<{ ms: number }>(
      'select extract(epoch from clock_timestamp())::float8 * 1000 as ms',
    );
    expect(notBefore).toBeLessThanOrEqual((now?.ms ?? NaN) + 1_000);
  } finally {
    await rig.close();
    proxy.close();
    proxy.closeAllConnections();
  }
});
