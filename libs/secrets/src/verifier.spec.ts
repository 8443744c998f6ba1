/** The real AWS SDK against a stand-in of Secrets Manager on a real socket. The test sets the clock. */
import { randomUUID } from 'node:crypto';
import { FakeSecretsManager } from '../../../test/tenants/secrets-manager.js';
import { createScimToken, readAcceptedHashes, rotateScimToken, scimTokenSecretName } from './scim-token-secret.js';
import { SecretStore, SecretStoreUnavailable } from './store.js';
import { generateScimToken, hashScimToken } from './token.js';
import { ScimTokenVerifier, type ScimTokenVerifierOptions } from './verifier.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let fake: FakeSecretsManager;
let store: SecretStore;
let tenantId: string;
let now: number;
const known = new Set<string>();

const verifier = (options: Partial<ScimTokenVerifierOptions> = {}) =>
  new ScimTokenVerifier({ store, isKnownTenant: (id) => known.has(id), now: () => now, ...options });

beforeAll(() => {
  process.env.AWS_ACCESS_KEY_ID ??= 'test';
  process.env.AWS_SECRET_ACCESS_KEY ??= 'test';
});

beforeEach(async () => {
  fake = new FakeSecretsManager();
  store = new SecretStore({ region: 'eu-central-1', endpoint: await fake.start(), timeoutMs: 300 });
  tenantId = randomUUID();
  known.clear();
  known.add(tenantId);
  now = Date.now();
});

afterEach(async () => {
  store.close();
  await fake.stop();
});

describe('the verifier of SCIM tokens', () => {
  it('rejects a token whose hash differs from the stored hash in any one byte', async () => {
    const { token, issuedAt } = await createScimToken(store, tenantId);
    for (let byte = 0; byte < 32; byte++) {
      const hash = Buffer.from(hashScimToken(token), 'hex');
      hash.writeUInt8(hash.readUInt8(byte) ^ 1, byte);
      const value = { hash: hash.toString('hex'), issuedAt: issuedAt.toISOString(), previousValidUntil: null };
      await store.put(scimTokenSecretName(tenantId), JSON.stringify(value));
      expect(await verifier().verify(token)).toBeNull();
    }
  });

  it('accepts the token with or without the word Bearer', async () => {
    const { token } = await createScimToken(store, tenantId);
    const v = verifier();
    const answer = { tenantId, which: 'current' };
    for (const header of [`Bearer ${token}`, `bearer  ${token}`, token, ` ${token} `])
      expect(await v.verify(header)).toEqual(answer);
  });

  it('refuses a missing token, a malformed or wrong one, and the hash itself', async () => {
    const { token } = await createScimToken(store, tenantId);
    const v = verifier();
    for (const header of [
      undefined,
      '',
      'Bearer',
      'Bearer ',
      `Basic ${token}`,
      `Bearer ${hashScimToken(token)}`,
      `Bearer ${generateScimToken(tenantId)}`,
      `Bearer ${token}, ${token}`,
    ])
      expect(await v.verify(header)).toBeNull();
  });

  it('refuses a token whose secret part belongs to another tenant (P4)', async () => {
    const other = randomUUID();
    known.add(other);
    const mine = (await createScimToken(store, tenantId)).token.split('.');
    const theirs = (await createScimToken(store, other)).token.split('.');
    expect(await verifier().verify(`sfs1.${theirs[1]}.${mine[2]}`)).toBeNull();
  });

  it('needs only the hash: the token is stored nowhere (P5)', async () => {
    const { token } = await createScimToken(store, tenantId);
    const [value = ''] = fake.values(scimTokenSecretName(tenantId));
    expect(value).not.toContain(token.split('.')[2]);
    expect(JSON.parse(value)).toMatchObject({ hash: hashScimToken(token), previousValidUntil: null });
  });
});

describe('a rotation of the SCIM token', () => {
  it('keeps the old token valid during its grace, and not a millisecond longer', async () => {
    const first = await createScimToken(store, tenantId, now);
    const second = await rotateScimToken(store, tenantId, HOUR, now);
    const v = verifier();
    expect(await v.verify(second.token)).toEqual({ tenantId, which: 'current' });
    expect(await v.verify(first.token)).toEqual({ tenantId, which: 'previous' });
    now += HOUR - 1;
    expect(await v.verify(first.token)).toEqual({ tenantId, which: 'previous' });
    now += 1;
    expect(await v.verify(first.token)).toBeNull();
    expect(await v.verify(second.token)).toEqual({ tenantId, which: 'current' });
  });

  it('revokes every older token if it has no grace', async () => {
    const first = await createScimToken(store, tenantId, now);
    const second = await rotateScimToken(store, tenantId, HOUR, now);
    const third = await rotateScimToken(store, tenantId, 0, now);
    const v = verifier();
    expect(await v.verify(first.token)).toBeNull();
    expect(await v.verify(second.token)).toBeNull();
    expect(await v.verify(third.token)).toEqual({ tenantId, which: 'current' });
  });

  it('does not end the grace of the token that Okta has when it is repeated', async () => {
    const inOkta = await createScimToken(store, tenantId, now);
    await rotateScimToken(store, tenantId, HOUR, now); // this one was never shown: the command crashed
    await rotateScimToken(store, tenantId, HOUR, now + MINUTE);
    const last = await rotateScimToken(store, tenantId, HOUR, now + 2 * MINUTE);
    const v = verifier();
    expect(await v.verify(inOkta.token)).toEqual({ tenantId, which: 'previous' });
    expect(await v.verify(last.token)).toEqual({ tenantId, which: 'current' });
    now += HOUR;
    expect(await v.verify(inOkta.token)).toBeNull();
  });

  it('always moves issuedAt forward, even if the clock went back', async () => {
    const first = await createScimToken(store, tenantId, now);
    const second = await rotateScimToken(store, tenantId, HOUR, now - HOUR);
    expect(second.issuedAt.getTime()).toBeGreaterThan(first.issuedAt.getTime());
  });

  it('takes effect at once in a verifier that is invalidated, and in others at the first use of the new token', async () => {
    const first = await createScimToken(store, tenantId, now);
    const invalidated = verifier();
    const other = verifier();
    await invalidated.verify(first.token);
    await other.verify(first.token);
    const second = await rotateScimToken(store, tenantId, 0, now);
    invalidated.invalidate(tenantId);
    expect(await invalidated.verify(first.token)).toBeNull();
    expect(await other.verify(first.token)).toEqual({ tenantId, which: 'current' }); // bounded by the TTL
    now += 2_000;
    expect(await other.verify(second.token)).toEqual({ tenantId, which: 'current' });
    expect(await other.verify(first.token)).toBeNull();
  });

  it('takes effect also if it is announced while the secret is being read', async () => {
    const first = await createScimToken(store, tenantId, now);
    let reads = 0;
    const slow = new Proxy(store, {
      get: (target, name) =>
        name !== 'read'
          ? Reflect.get(target, name)
          : async (...args: Parameters<SecretStore['read']>) => {
              const value = await target.read(...args);
              if (reads++ === 0) {
                await rotateScimToken(target, tenantId, 0, now);
                v.invalidate(tenantId);
              }
              return value;
            },
    });
    const v = verifier({ store: slow });
    expect(await v.verify(first.token)).toBeNull();
  });

  it('needs a secret that can be parsed; any other one counts as an outage, not a refusal, and is not quoted', async () => {
    fake.seed(scimTokenSecretName(tenantId), '{"hash":"do-not-print-me"}');
    const error = await verifier()
      .verify(generateScimToken(tenantId))
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(SecretStoreUnavailable);
    expect(String(error)).not.toContain('do-not-print-me');
  });
});

describe('the load on the secret store', () => {
  it('is one read for all requests until the TTL ends, at most 5 minutes', async () => {
    const { token } = await createScimToken(store, tenantId, now);
    const v = verifier();
    fake.calls.length = 0;
    await Promise.all(Array.from({ length: 50 }, () => v.verify(token)));
    now += 3 * MINUTE;
    await v.verify(token);
    expect(fake.calls).toEqual(['GetSecretValue AWSCURRENT']);
    now += 2 * MINUTE;
    await v.verify(token);
    expect(fake.calls).toHaveLength(2);
  });

  it('is no read for invented tenants', async () => {
    const v = verifier();
    for (let i = 0; i < 50; i++) expect(await v.verify(generateScimToken(randomUUID()))).toBeNull();
    expect(fake.calls).toEqual([]);
  });

  it('is one read in 2 s for wrong tokens of a known tenant, also if the tenant has no token', async () => {
    const v = verifier();
    for (let i = 0; i < 40; i++) {
      await Promise.all([v.verify(generateScimToken(tenantId)), v.verify(generateScimToken(tenantId))]);
      now += 100;
    }
    expect(fake.calls).toHaveLength(2);
  });

  it('does not make the right token wait because of a wrong one', async () => {
    const { token } = await createScimToken(store, tenantId, now);
    const v = verifier();
    await v.verify(token);
    now += 2_000;
    fake.mode = 'hang';
    const wrong = v.verify(generateScimToken(tenantId)).catch(() => null);
    fake.calls.length = 0;
    expect(await v.verify(token)).toEqual({ tenantId, which: 'current' });
    // The SDK reads twice before it gives up. A request that waits for it returns after the second read.
    expect(fake.calls.length).toBeLessThan(2);
    await wrong;
    expect(fake.calls).toHaveLength(2);
  });
});

describe('while the secret store is down', () => {
  it('known tokens stay valid for an hour; after that the answer is an outage, not a refusal', async () => {
    const { token } = await createScimToken(store, tenantId, now);
    const errors: unknown[] = [];
    const v = verifier({ onStoreError: (_, error) => errors.push(error) });
    await v.verify(token);
    fake.mode = 'error';
    now += HOUR - 1;
    expect(await v.verify(token)).toEqual({ tenantId, which: 'current' });
    expect(errors.length).toBeGreaterThan(0);
    now += 2;
    await expect(v.verify(token)).rejects.toBeInstanceOf(SecretStoreUnavailable);
    fake.mode = 'ok';
    now += 2_000;
    expect(await v.verify(token)).toEqual({ tenantId, which: 'current' });
  });

  it('an unknown token is neither accepted nor refused', async () => {
    const { token } = await createScimToken(store, tenantId, now);
    const v = verifier();
    await v.verify(token);
    fake.mode = 'error';
    now += 10 * MINUTE;
    await expect(v.verify(generateScimToken(tenantId))).rejects.toBeInstanceOf(SecretStoreUnavailable);
    await expect(verifier().verify(token)).rejects.toBeInstanceOf(SecretStoreUnavailable);
  });

  it('it is read once in 2 s, not by every request', async () => {
    const { token } = await createScimToken(store, tenantId, now);
    fake.mode = 'error';
    const v = verifier();
    fake.calls.length = 0;
    for (let i = 0; i < 20; i++) {
      await expect(v.verify(token)).rejects.toBeInstanceOf(SecretStoreUnavailable);
      now += 99;
    }
    expect(fake.calls).toHaveLength(2); // one question; the SDK tries it twice
  });

  it('a store that hangs delays one request, not the following ones', async () => {
    const { token } = await createScimToken(store, tenantId, now);
    const v = verifier();
    await v.verify(token);
    fake.mode = 'hang';
    now += 10 * MINUTE;
    expect(await v.verify(token)).toEqual({ tenantId, which: 'current' });
    expect(fake.calls.length).toBeGreaterThan(1); // the SDK read a second time before it gave up
    now += 2_000;
    fake.calls.length = 0;
    expect(await v.verify(token)).toEqual({ tenantId, which: 'current' });
    expect(fake.calls.length).toBeLessThan(2); // this request did not wait for the second read
  });

  it('a tenant whose token was rotated is forgotten', async () => {
    const { token } = await createScimToken(store, tenantId, now);
    const v = verifier();
    await v.verify(token);
    fake.mode = 'error';
    v.invalidate(tenantId);
    await expect(v.verify(token)).rejects.toBeInstanceOf(SecretStoreUnavailable);
  });
});

describe('the secret of a SCIM token', () => {
  it('has a name that infrastructure can grant access to', () => {
    expect(scimTokenSecretName('t1')).toBe('stackflow/t1/scim-token');
  });

  it('is replaced if it is created again, because nobody saw the first token', async () => {
    const first = await createScimToken(store, tenantId, now);
    const second = await createScimToken(store, tenantId, now);
    expect(await verifier().verify(second.token)).toEqual({ tenantId, which: 'current' });
    expect(await verifier().verify(first.token)).toBeNull();
  });

  it('is created by the first rotation', async () => {
    const { token, previousValidUntil } = await rotateScimToken(store, tenantId, HOUR, now);
    expect(previousValidUntil).toBeNull();
    expect(await verifier().verify(token)).toEqual({ tenantId, which: 'current' });
  });

  it('names no previous token after a rotation without grace', async () => {
    await createScimToken(store, tenantId, now);
    expect((await rotateScimToken(store, tenantId, 0, now)).previousValidUntil).toBeNull();
    expect(await readAcceptedHashes(store, tenantId)).toHaveLength(1);
  });

  it('is read again if a rotation happens between the two reads', async () => {
    const tokens = [await createScimToken(store, tenantId, now), await rotateScimToken(store, tenantId, HOUR, now)];
    const racing = Object.assign(Object.create(store) as SecretStore, {
      read: async (...[name, stage]: Parameters<SecretStore['read']>) => {
        if (stage === 'AWSPREVIOUS' && tokens.length === 2)
          tokens.push(await rotateScimToken(store, tenantId, HOUR, now));
        return store.read(name, stage);
      },
    });
    const accepted = await readAcceptedHashes(racing, tenantId);
    expect(accepted?.map(({ hash }) => hash)).toEqual(tokens.map(({ token }) => hashScimToken(token)).reverse());
    expect(accepted?.map(({ which }) => which)).toEqual(['current', 'previous', 'previous']);
  });
});
