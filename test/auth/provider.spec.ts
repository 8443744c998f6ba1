/** Discovery and the code exchange with a hostile provider. */
import { OidcError, OidcProvider } from '#okta';
import type { Claims } from '../guard/issuer.js';
import { CLIENT_ID, CLIENT_SECRET, HostileProvider } from '../support/auth-provider.js';

const ISSUER = 'https://acme.okta.com';
let op: HostileProvider;
const opened: OidcProvider[] = [];
const open = (options = {}): OidcProvider => {
  const made = new OidcProvider({ override: op.origin, timeoutMs: 30_000, ...options });
  opened.push(made);
  return made;
};

beforeAll(async () => {
  op = await new HostileProvider().start();
});
beforeEach(() => op.reset());
afterAll(async () => {
  for (const p of opened) p.close();
  await op.stop();
});

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'accepted',
    (error: unknown) => (error instanceof OidcError ? error.code : String(error)),
  );

describe('discovery', () => {
  it('is requested once, also for concurrent callers', async () => {
    let asked = 0;
    const regular = op.discovery;
    op.discovery = () => (asked++, regular());
    const provider = open();
    const all = await Promise.all(Array.from({ length: 5 }, () => provider.discover(ISSUER)));
    expect(new Set(all.map((m) => m.issuer))).toEqual(new Set([op.origin]));
    await provider.discover(ISSUER);
    expect(asked).toBe(1);
  });

  it.each<[string, Claims, string]>([
    ['another issuer', { issuer: 'https://evil.okta.com' }, 'provider_invalid'],
    ['no PKCE', { code_challenge_methods_supported: ['plain'] }, 'provider_invalid'],
    ['no statement about PKCE', { code_challenge_methods_supported: undefined }, 'provider_invalid'],
    ['no RS256', { id_token_signing_alg_values_supported: ['HS256', 'none'] }, 'provider_invalid'],
    ['no client_secret_basic', { token_endpoint_auth_methods_supported: ['none'] }, 'provider_invalid'],
    ['keys on another origin', { jwks_uri: 'http://127.0.0.1:1/keys' }, 'provider_invalid'],
    ['the token endpoint on another origin', { token_endpoint: 'https://evil.com/token' }, 'provider_invalid'],
    [
      'the authorization endpoint on another origin',
      { authorization_endpoint: 'https://evil.com/authorize' },
      'provider_invalid',
    ],
    ['the logout endpoint on another origin', { end_session_endpoint: 'https://evil.com/logout' }, 'provider_invalid'],
    [
      'the introspection endpoint on another origin',
      { introspection_endpoint: 'https://evil.com/introspect' },
      'provider_invalid',
    ],
    ['no token endpoint', { token_endpoint: undefined }, 'provider_invalid'],
    ['RFC 9207', { authorization_response_iss_parameter_supported: true }, 'accepted'],
  ])('of a document with %s ends in %s', async (_, change, code) => {
    op.metadata = (regular) => ({ ...regular, ...change });
    expect(await codeOf(open().discover(ISSUER))).toBe(code);
  });

  it('refuses credentials in an endpoint', async () => {
    const token_endpoint = op.origin.replace('//', '//user:pw@');
    op.metadata = (regular) => ({ ...regular, token_endpoint });
    expect(await codeOf(open().discover(ISSUER))).toBe('provider_invalid');
  });

  it.each<[string, () => ReturnType<HostileProvider['discovery']>, string]>([
    ['garbage', () => ({ body: '<html>' }), 'provider_invalid'],
    ['a list', () => ({ body: '[]' }), 'provider_invalid'],
    ['404', () => ({ status: 404, body: '{}' }), 'provider_invalid'],
    ['500', () => ({ status: 500, body: '{}' }), 'provider_unavailable'],
    ['an oversized answer', () => ({ body: ' '.repeat(300_000) }), 'provider_invalid'],
    ['a redirect', () => ({ status: 301, headers: { location: 'http://127.0.0.1:1/' }, body: '' }), 'provider_invalid'],
    ['no answer', () => 'hang', 'provider_unavailable'],
  ])('reports %s as a failure', async (what, answer, code) => {
    op.discovery = answer;
    expect(await codeOf(open(what === 'no answer' ? { timeoutMs: 300 } : {}).discover(ISSUER))).toBe(code);
  });

  it('keeps the last metadata while the provider fails', async () => {
    const provider = open({ metadataCacheMs: 0 });
    await provider.discover(ISSUER);
    op.discovery = () => ({ status: 503, body: '' });
    expect(await codeOf(provider.discover(ISSUER))).toBe('accepted');
  });

  it('refuses private addresses without the override', async () => {
    expect(await codeOf(open({ override: undefined }).discover(op.origin))).toBe('issuer_not_allowed');
    // The name is allowed, but its address is not.
    const provider = open({ override: undefined, customDomains: ['localhost'] });
    expect(await codeOf(provider.discover('https://localhost'))).toBe('provider_unavailable');
    await expect(provider.discover('https://localhost')).rejects.toThrow('private address');
  });
});

describe('the code exchange', () => {
  const exchange = async (timeoutMs = 30_000): Promise<unknown> => {
    const provider = open({ timeoutMs });
    return provider.exchangeCode(
      await provider.discover(ISSUER),
      { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET },
      { code: 'c', redirectUri: 'https://sf.example.com/auth/okta/callback', codeVerifier: 'v'.repeat(43) },
    );
  };

  it('sends code, verifier and redirect URI in the body, and the secret in the header', async () => {
    op.token = () => ({ body: JSON.stringify({ token_type: 'Bearer', access_token: 'a', id_token: 'i' }) });
    expect(await exchange()).toEqual({ accessToken: 'a', idToken: 'i' });
    const [sent] = op.exchanges;
    expect(Object.fromEntries(sent?.form ?? [])).toEqual({
      grant_type: 'authorization_code',
      code: 'c',
      redirect_uri: 'https://sf.example.com/auth/okta/callback',
      code_verifier: 'v'.repeat(43),
    });
    const [id, secret] = Buffer.from(sent?.authorization?.slice(6) ?? '', 'base64')
      .toString()
      .split(':');
    expect(new URLSearchParams(`a=${id}&b=${secret}`).get('a')).toBe(CLIENT_ID);
    expect(new URLSearchParams(`a=${id}&b=${secret}`).get('b')).toBe(CLIENT_SECRET);
  });

  const bearer = { token_type: 'Bearer', access_token: 'a', id_token: 'i' };
  const ok = (value: unknown) => () => ({ body: JSON.stringify(value) });
  it.each<[string, HostileProvider['token'], string]>([
    ['garbage', () => ({ body: 'access_token=a&id_token=b' }), 'token_response_invalid'],
    ['null', ok(null), 'token_response_invalid'],
    ['no ID token', ok({ ...bearer, id_token: undefined }), 'token_response_invalid'],
    ['a number as ID token', ok({ ...bearer, id_token: 7 }), 'token_response_invalid'],
    ['another token type', ok({ ...bearer, token_type: 'DPoP' }), 'token_response_invalid'],
    [
      'a web page',
      () => ({ headers: { 'content-type': 'text/html' }, body: JSON.stringify(bearer) }),
      'token_response_invalid',
    ],
    ['invalid_grant', () => ({ status: 400, body: '{"error":"invalid_grant"}' }), 'code_refused'],
    ['invalid_client', () => ({ status: 401, body: '{"error":"invalid_client"}' }), 'client_refused'],
    ['an error with line breaks', () => ({ status: 400, body: '{"error":"a\\nb"}' }), 'token_response_invalid'],
    ['403 without reason', () => ({ status: 403, body: '' }), 'token_response_invalid'],
    ['a redirect', () => ({ status: 307, headers: { location: 'http://127.0.0.1:1/' }, body: '' }), 'provider_invalid'],
    ['500', () => ({ status: 500, body: '' }), 'provider_unavailable'],
    ['429', () => ({ status: 429, body: '' }), 'provider_unavailable'],
    ['an oversized answer', ok({ ...bearer, pad: 'x'.repeat(300_000) }), 'provider_invalid'],
    ['no answer', () => 'hang', 'provider_unavailable'],
  ])('reports %s as a failure', async (what, answer, code) => {
    op.token = answer;
    expect(await codeOf(exchange(what === 'no answer' ? 500 : 30_000))).toBe(code);
  });
});
