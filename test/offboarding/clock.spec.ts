/**
 * Clocks that are five minutes apart. Tokens carry Cognito's time; the worker and its database have another. A proxy
 * between the two shifts what Cognito says about the time, so the test needs no clock of its own changed.
 */
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isFenced } from '../../libs/access-guard/src/decide.js';
import type { Tenant } from '../support/identity-directory.js';
import { Rig } from './rig.js';

/** Cognito whose clock is `shiftMs` ahead of ours; null = one that does not tell the time. */
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

  /** `iat` as Cognito would write it for a token issued at `at` of our clock. */
  const issuedAt = (at: number): number => Math.floor((at + shiftMs) / 1000);
  /** The last instant at which a token from before the closing can have been issued, and the first fresh ones. */
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

  it('no token from before lives on, and a fresh login is not locked out', async () => {
    const { notBefore, lastOld, firstFresh } = await fenceAfterReopening();
    expect(isFenced(issuedAt(lastOld), notBefore)).toBe(true);
    expect(isFenced(issuedAt(lastOld - 60_000), notBefore)).toBe(true);
    expect(isFenced(issuedAt(firstFresh + 3_000), notBefore)).toBe(false);
  });

  it('signed out everywhere, no token from before lives on, a fresh login is not locked out, and no fence moves back', async () => {
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
    // Where our clock is ahead, the fence that was set by it stays.
    const fresh = Math.max(issuedAt((at ?? NaN) + 3_000), Math.floor(Date.now() / 1000) + 1);
    expect(isFenced(fresh, last ?? null)).toBe(false);
    const lifted = fences.slice(-3);
    expect([...lifted].sort((a, b) => a - b)).toEqual(lifted);
  });

  it('while he is out no clock matters: the status refuses', async () => {
    const bea = await rig.addPerson(tenant);
    await rig.directory.setActive(bea, false);
    await rig.quiet();
    expect((await rig.access(bea)).at(-1)?.status).toBe('inactive');
  });
});

it('without a clock from Cognito the database tells the time', async () => {
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
