/** Discovery and the code exchange against a provider that answers whatever it likes. */
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
  it('is made once, also for many at the same time', async () => {
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
    ['PKCE unsaid', { code_challenge_methods_supported: undefined }, 'provider_invalid'],
    ['no RS256', { id_token_signing_alg_values_supported: ['HS256', 'none'] }, 'provider_invalid'],
    ['no secret in the header', { token_endpoint_auth_methods_supported: ['none'] }, 'provider_invalid'],
    ['keys elsewhere', { jwks_uri: 'http://127.0.0.1:1/keys' }, 'provider_invalid'],
    ['tokens elsewhere', { token_endpoint: 'https://evil.com/token' }, 'provider_invalid'],
    ['sign-in elsewhere', { authorization_endpoint: 'https://evil.com/authorize' }, 'provider_invalid'],
    ['logout elsewhere', { end_session_endpoint: 'https://evil.com/logout' }, 'provider_invalid'],
    ['introspection elsewhere', { introspection_endpoint: 'https://evil.com/introspect' }, 'provider_invalid'],
    ['no endpoint', { token_endpoint: undefined }, 'provider_invalid'],
    ['RFC 9207', { authorization_response_iss_parameter_supported: true }, 'accepted'],
  ])('with %s: %s', async (_, change, code) => {
    op.metadata = (regular) => ({ ...regular, ...change });
    expect(await codeOf(open().discover(ISSUER))).toBe(code);
  });

  it('with credentials in an address: provider_invalid', async () => {
    const token_endpoint = op.origin.replace('//', '//user:pw@');
    op.metadata = (regular) => ({ ...regular, token_endpoint });
    expect(await codeOf(open().discover(ISSUER))).toBe('provider_invalid');
  });

  it.each<[string, () => ReturnType<HostileProvider['discovery']>, string]>([
    ['garbage', () => ({ body: '<html>' }), 'provider_invalid'],
    ['a list', () => ({ body: '[]' }), 'provider_invalid'],
    ['404', () => ({ status: 404, body: '{}' }), 'provider_invalid'],
    ['500', () => ({ status: 500, body: '{}' }), 'provider_unavailable'],
    ['a flood', () => ({ body: ' '.repeat(300_000) }), 'provider_invalid'],
    ['a redirect', () => ({ status: 301, headers: { location: 'http://127.0.0.1:1/' }, body: '' }), 'provider_invalid'],
    ['nothing', () => 'hang', 'provider_unavailable'],
  ])('answered with %s', async (what, answer, code) => {
    op.discovery = answer;
    expect(await codeOf(open(what === 'nothing' ? { timeoutMs: 300 } : {}).discover(ISSUER))).toBe(code);
  });

  it('that fails later leaves what was known', async () => {
    const provider = open({ metadataCacheMs: 0 });
    await provider.discover(ISSUER);
    op.discovery = () => ({ status: 503, body: '' });
    expect(await codeOf(provider.discover(ISSUER))).toBe('accepted');
  });

  it('reaches no private address without the override', async () => {
    expect(await codeOf(open({ override: undefined }).discover(op.origin))).toBe('issuer_not_allowed');
    // The name is allowed, what it resolves to is not.
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

  it('sends code, verifier and redirect URI in the body, the secret in the header', async () => {
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
    ['an ID token that is none', ok({ ...bearer, id_token: 7 }), 'token_response_invalid'],
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
    ['a flood', ok({ ...bearer, pad: 'x'.repeat(300_000) }), 'provider_invalid'],
    ['nothing', () => 'hang', 'provider_unavailable'],
  ])('answered with %s', async (what, answer, code) => {
    op.token = answer;
    expect(await codeOf(exchange(what === 'nothing' ? 500 : 30_000))).toBe(code);
  });
});
