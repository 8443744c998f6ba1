import { OidcError } from './errors.js';
import { ProviderHttp } from './http.js';
import { IssuerRule } from './issuer-rule.js';
import { isPublicAddress, publicLookup } from './private-address.js';

const outcome = (rule: IssuerRule, issuer: string): string => {
  try {
    return rule.resolve(issuer);
  } catch (error) {
    return error instanceof OidcError ? error.code : String(error);
  }
};

describe('IssuerRule', () => {
  const rule = new IssuerRule({ customDomains: ['login.acme.com', '10.0.0.1'] });

  it.each([
    'https://acme.okta.com',
    'https://acme.oktapreview.com',
    'https://acme.okta-emea.com',
    'https://acme.okta.com/oauth2/default',
    'https://acme.okta.com/oauth2/aus1a2b3c4D5e6F7g8h9',
    'https://login.acme.com',
  ])('allows %s', (issuer) => expect(outcome(rule, issuer)).toBe(issuer));

  it.each([
    'http://acme.okta.com',
    'https://acme.okta.com/',
    'https://acme.okta.com:8443',
    'https://acme.okta.com:443',
    'https://ACME.okta.com',
    'https://user:pw@acme.okta.com',
    'https://acme.okta.com@evil.com',
    'https://acme.okta.com.evil.com',
    'https://evil.com/acme.okta.com',
    'https://evil.com#acme.okta.com',
    'https://acme.okta.com?x',
    'https://acme.okta.com/oauth2/../admin',
    'https://acme.okta.com/oauth2/default/',
    'https://acme.okta.com/oauth2/a%2fb',
    'https://a.b.okta.com',
    'https://okta.com',
    'https://login.other.com',
    'https://10.0.0.1',
    'https://169.254.169.254',
    'https://[::1]',
    'https://localhost',
    'file:///etc/passwd',
    'acme.okta.com',
    '',
  ])('refuses %j', (issuer) => expect(outcome(rule, issuer)).toBe('issuer_not_allowed'));

  it('keeps the path when development replaces the origin, and still refuses other issuers', () => {
    const local = new IssuerRule({ override: 'http://localhost:9402/ignored' });
    expect(outcome(local, 'https://acme.okta.com/oauth2/default')).toBe('http://localhost:9402/oauth2/default');
    expect(outcome(local, 'https://evil.com')).toBe('issuer_not_allowed');
  });
});

it('sends requests over plain http only in development', async () => {
  const http = new ProviderHttp(false, 1_000);
  const asked = http.send(new URL('http://127.0.0.1:9/keys'), { method: 'GET' });
  await expect(asked).rejects.toMatchObject({ code: 'provider_invalid' });
  http.close();
});

describe('an IP address', () => {
  it.each(['8.8.8.8', '1.1.1.1', '2606:4700:4700::1111'])('%s is public', (a) => expect(isPublicAddress(a)).toBe(true));
  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '172.20.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '255.255.255.255',
    '::1',
    '::',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '64:ff9b::7f00:1',
    'fe80::1',
    'fd00:ec2::254',
    '2002:7f00:1::',
    '2001:db8::1',
  ])('%s is not public', (a) => expect(isPublicAddress(a)).toBe(false));

  it.each([true, false])('is checked when the socket resolves the name (all: %s)', async (all) => {
    const ask = (...addresses: string[]) =>
      new Promise((resolve) =>
        publicLookup((_, done) =>
          done(
            null,
            addresses.map((address) => ({ address, family: 4 })),
          ),
        )('login.acme.com', { all }, (error, found) => resolve(error?.message ?? found)),
      );
    expect(await ask('8.8.8.8')).toEqual(all ? [{ address: '8.8.8.8', family: 4 }] : '8.8.8.8');
    expect(await ask('8.8.8.8', '127.0.0.1')).toBe('login.acme.com resolves to a private address');
    expect(await ask()).toBe('login.acme.com has no address');
  });
});
