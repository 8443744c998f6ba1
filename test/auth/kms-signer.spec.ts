/** Assertions signed by KMS: the real SDK with a stand-in for KMS, verified by `jose` and by the trigger. */
import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { ConfigError } from '#platform';
import { createSigner } from '../../apps/auth-service/src/assertion/create-signer.js';
import { joseSignature, KmsSigner } from '../../apps/auth-service/src/assertion/kms-signer.js';
import {
  assertionAudience,
  assertionClaims,
  SigningUnavailable,
} from '../../apps/auth-service/src/assertion/signer.js';
import { parseAssertionKeys } from '../../apps/cognito-triggers/src/assertion.js';
import { FakeKms } from './kms.js';

const AUDIENCE = assertionAudience('us-east-1_pool', 'client');
const CLAIMS = assertionClaims(
  { accountId: 'a', tenantId: 't', oktaIssuer: 'https://acme.okta.com', oktaSub: '00u1' },
  AUDIENCE,
  'nonce',
);

let kms: FakeKms;
let endpoint: string;
beforeAll(async () => {
  process.env.AWS_ACCESS_KEY_ID ??= 'test';
  process.env.AWS_SECRET_ACCESS_KEY ??= 'test';
  kms = new FakeKms();
  endpoint = await kms.start();
  for (const key of ['now', 'before']) kms.addKey(key);
  kms.addKey('other-curve', 'ECC_NIST_P384');
});
beforeEach(() => {
  kms.mode = 'ok';
});
afterAll(() => kms.stop());

const load = (...keys: string[]): Promise<KmsSigner> => KmsSigner.load({ region: 'us-east-1', endpoint, keys });

describe('KmsSigner', () => {
  it('signs with the first key, publishes all keys, and reads each key from KMS once', async () => {
    kms.calls.length = 0;
    const signer = await load('now', 'before');
    const keys = signer.jwks();
    const token = await signer.sign(CLAIMS);
    const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: [...keys] }), {
      algorithms: ['ES256'],
      typ: 'okta-assertion+jwt',
      audience: AUDIENCE,
    });
    expect(payload).toEqual(CLAIMS);
    expect(decodeProtectedHeader(token).kid).toBe(keys[0]?.kid);
    expect(keys.map((key) => key.kid)).toEqual([...new Set(keys.map((key) => key.kid))]);
    expect(kms.calls).toEqual(['GetPublicKey', 'GetPublicKey', 'Sign']);
  });

  it('publishes keys that the triggers accept, without private parts', async () => {
    const keys = (await load('now', 'before')).jwks();
    expect(() => parseAssertionKeys(JSON.stringify({ keys }))).not.toThrow();
    expect(keys.filter((key) => 'd' in key)).toEqual([]);
  });

  it('refuses to load a key of another kind, an unknown key, or a key without permission', async () => {
    await expect(load('other-curve')).rejects.toThrow('ECC_NIST_P256');
    await expect(load('missing')).rejects.toThrow(expect.objectContaining({ name: 'NotFoundException' }));
    kms.mode = 'denied';
    await expect(load('now')).rejects.toThrow(expect.objectContaining({ name: 'AccessDeniedException' }));
  });

  it('reports the reason when KMS refuses to sign', async () => {
    const signer = await load('now');
    kms.mode = 'denied';
    const error = await signer.sign(CLAIMS).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(SigningUnavailable);
    expect(String(error)).toContain('AccessDeniedException');
  });
});

describe('a signature of KMS', () => {
  it('is converted to JOSE format, also with short numbers', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    // In DER, one number in 256 is shorter because of a leading zero byte, and half are longer because of their first bit.
    for (let i = 0; i < 1_000; i++) {
      const data = Buffer.from(String(i));
      const raw = joseSignature(sign('sha256', data, { key: privateKey, dsaEncoding: 'der' }));
      expect(raw).toHaveLength(64);
      expect(verify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, raw)).toBe(true);
    }
  });

  it.each([
    ['nothing', ''],
    ['no sequence', '310602010102010131'],
    ['an oversized number', `3046${'0222'}01${'ff'.repeat(33)}${'0220'}${'11'.repeat(32)}`],
    ['only one number', '3003020101'],
    ['a signature and another byte', '300602010102010100'],
    ['a wrong length', '300702010102010100'],
  ])('is refused if it consists of %s', (_, hex) => {
    expect(() => joseSignature(Buffer.from(hex, 'hex'))).toThrow('did not return an ECDSA signature');
  });
});

describe('createSigner', () => {
  const config = { AWS_REGION: 'us-east-1', ASSERTION_KMS_KEYS: [], ASSERTION_KEY_FILES: [], KMS_ENDPOINT: undefined };

  it('refuses a configuration with both or neither kind of keys', async () => {
    const both = { ...config, ASSERTION_KMS_KEYS: ['now'], ASSERTION_KEY_FILES: ['/x.pem'] };
    for (const wrong of [config, both])
      await expect(createSigner('auth-service', wrong)).rejects.toBeInstanceOf(ConfigError);
  });

  it('uses KMS in production and a file in development', async () => {
    const inKms = await createSigner('auth-service', {
      ...config,
      ASSERTION_KMS_KEYS: ['now'],
      KMS_ENDPOINT: endpoint,
    });
    expect(inKms.jwks()).toEqual((await load('now')).jwks());
    const folder = mkdtempSync(path.join(tmpdir(), 'assertion-'));
    const file = path.join(folder, 'key.pem');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const inFile = await createSigner('auth-service', { ...config, ASSERTION_KEY_FILES: [file] });
    rmSync(folder, { recursive: true });
    expect(inFile.jwks()).toHaveLength(1);
  });
});
