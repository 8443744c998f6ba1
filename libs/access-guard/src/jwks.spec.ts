import { Issuer, signingKey, type SigningKey } from '../../../test/guard/issuer.js';
import { KeySet } from './jwks.js';

const clock = { ms: 0, now: () => clock.ms, monotonic: () => clock.ms };
const next = signingKey('next-key');
const weak = signingKey('weak-key', 1024);
let issuer: Issuer;
let failures: Error[] = [];
const keySet = () => new KeySet({ uri: issuer.jwksUri, clock, timeoutMs: 1_500, onFailure: (e) => failures.push(e) });

beforeEach(async () => {
  issuer = await Issuer.start();
  failures = [];
  clock.ms = 1_000_000;
});
afterEach(() => issuer.close());

const serve = (...keys: SigningKey[]) => (issuer.jwks = () => issuer.publish(keys));
const reason = (attempt: Promise<unknown>) =>
  attempt.then(
    () => 'found',
    (e: { reason: string }) => e.reason,
  );
const waitFor = async (keys: KeySet, condition: () => boolean) => {
  for (let i = 0; i < 1_000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  return keys;
};

test('causes one fetch for many callers at once', async () => {
  const keys = keySet();
  await Promise.all(Array.from({ length: 50 }, () => keys.get('access-key')));
  expect(issuer.fetches).toBe(1);
});

test('causes one fetch per cooldown for any number of unknown key ids', async () => {
  const keys = keySet();
  await keys.get('access-key');
  for (let i = 0; i < 20; i++) expect(await reason(keys.get(`made-up-${i}`))).toBe('key_unknown');
  expect(issuer.fetches).toBe(1);
  clock.ms += 30_001;
  for (let i = 0; i < 20; i++) await reason(keys.get(`made-up-${i}`));
  expect(issuer.fetches).toBe(2);
});

test('finds a new key after the cooldown, with the first token that needs it', async () => {
  const keys = keySet();
  await keys.get('access-key');
  serve(issuer.key, next);
  expect(await reason(keys.get('next-key'))).toBe('key_unknown');
  clock.ms += 30_001;
  expect((await keys.get('next-key')).live).toBe(true);
});

test('fetches the set again after ten minutes, uses old keys meanwhile, and then drops a withdrawn key', async () => {
  const keys = keySet();
  const old = await keys.get('access-key');
  const kept = await keys.get('id-key');
  serve(issuer.idKey, next);
  clock.ms += 599_000;
  keys.keepFresh();
  expect(issuer.fetches).toBe(1);
  clock.ms += 2_000;
  expect(keys.find('access-key')).toBe(old);
  await waitFor(keys, () => !old.live);
  expect(old.live).toBe(false);
  expect(keys.find('access-key')).toBeUndefined();
  expect(keys.find('id-key')).toBe(kept);
  expect(kept.live).toBe(true);
});

test('replaces a key by another one with the same id', async () => {
  const keys = keySet();
  const old = await keys.get('access-key');
  serve(signingKey('access-key'));
  clock.ms += 600_001;
  keys.keepFresh();
  await waitFor(keys, () => !old.live);
  expect(old.live).toBe(false);
  expect((await keys.get('access-key')).live).toBe(true);
});

test.each<[string, () => { status: number; body: string } | undefined]>([
  ['an error', () => ({ status: 500, body: 'oops' })],
  ['no JSON', () => ({ status: 200, body: '<html>' })],
  ['no keys', () => ({ status: 200, body: '{"keys":[]}' })],
  ['a weak key', () => ({ status: 200, body: JSON.stringify({ keys: [weak.jwk] }) })],
  ['a secret', () => ({ status: 200, body: '{"keys":[{"kty":"oct","kid":"access-key","k":"AAAA"}]}' })],
  ['nothing at all', () => undefined],
])('an issuer that answers %s: 503 at the start, the old keys for an hour afterwards', async (_, answer) => {
  const good = issuer.jwks;
  issuer.jwks = answer;
  const keys = keySet();
  expect(await reason(keys.get('access-key'))).toBe('keys_unavailable');
  issuer.jwks = good;
  clock.ms += 1_001;
  const key = await keys.get('access-key');
  issuer.jwks = answer;
  clock.ms += 600_001;
  expect(keys.find('access-key')).toBe(key);
  await waitFor(keys, () => failures.length === 2);
  expect(keys.find('access-key')).toBe(key);
  clock.ms += 3_000_000;
  expect(keys.find('access-key')).toBeUndefined();
  expect(key.live).toBe(false);
});

test('retries failed fetches after 1, 2 and 4 seconds, not with every token', async () => {
  issuer.jwks = () => ({ status: 500, body: '' });
  const keys = keySet();
  for (let second = 0; second < 8; second++) {
    for (let i = 0; i < 5; i++) await reason(keys.get('access-key'));
    clock.ms += 1_000;
  }
  expect(issuer.fetches).toBe(4);
});

test('fetches keys over https, or from this machine', () => {
  expect(() => new KeySet({ uri: 'http://cognito.example/jwks.json' })).toThrow(/https/);
  expect(() => new KeySet({ uri: 'file:///etc/jwks.json' })).toThrow(/https/);
  expect(() => new KeySet({ uri: 'http://localhost.attacker.example/jwks.json' })).toThrow(/https/);
  expect(() => new KeySet({ uri: 'https://cognito.example/jwks.json' })).not.toThrow();
});

test('does not follow a redirect', async () => {
  const other = await Issuer.start();
  const keys = keySet();
  issuer.redirectTo = other.jwksUri;
  expect(await reason(keys.get('access-key'))).toBe('keys_unavailable');
  expect(other.fetches).toBe(0);
  await other.close();
});
