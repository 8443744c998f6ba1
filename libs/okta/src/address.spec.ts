import { isOktaDomain } from '#settings';
import { nextPage, originOf } from './address.js';

describe('the address of an org', () => {
  it.each(['acme.okta.com', 'dev-123456.okta.com', 'acme.oktapreview.com', 'acme.okta-emea.com', 'a.okta.com'])(
    'is https at %s',
    (domain) => {
      expect(isOktaDomain(domain)).toBe(true);
      expect(originOf(domain, undefined)).toBe(`https://${domain}`);
    },
  );

  it.each([
    'okta.com',
    '.okta.com',
    'acme.okta.com.evil.example',
    'acme.okta.com/',
    'acme.okta.com:8443',
    'acme.okta.com#.okta.com',
    'evil.example/.okta.com',
    'evil.example@acme.okta.com',
    'user:pass@acme.okta.com',
    'https://acme.okta.com',
    'a.b.okta.com',
    'acme.okta.com\n',
    'ACME.okta.com',
    'acmeokta.com',
    'acme.notokta.com',
    '127.0.0.1',
    'localhost',
    '169.254.169.254',
    '-acme.okta.com',
    '',
  ])('is refused for %p', (domain) => {
    expect(isOktaDomain(domain)).toBe(false);
    expect(() => originOf(domain, undefined)).toThrow(
      expect.objectContaining({ code: 'invalid_domain', retryable: false }),
    );
  });

  it('is the one that the operator configured, whatever the tenant set', () => {
    expect(originOf('evil.example', 'http://localhost:9402/base')).toBe('http://localhost:9402');
  });
});

describe('the next page', () => {
  const here = new URL('https://acme.okta.com/api/v1/users?limit=200');
  const next = (link: string | null): string | undefined => nextPage(link, here)?.href;

  it('is the link with rel="next", at any position of the header', () => {
    const link = '<https://acme.okta.com/api/v1/users?after=a%2Cb&limit=200>; rel="next"';
    expect(next(link)).toBe('https://acme.okta.com/api/v1/users?after=a%2Cb&limit=200');
    expect(next(`<${here.href}>; rel="self", ${link}`)).toContain('after=');
    expect(next(`${link}, <${here.href}>; rel="self"`)).toContain('after=');
    expect(next('<https://acme.okta.com/api/v1/users?after=a,b>; rel=next')).toContain('after=a,b');
  });

  it('is none on the last page', () => {
    expect(nextPage(null, here)).toBeNull();
    expect(nextPage('', here)).toBeNull();
    expect(nextPage(`<${here.href}>; rel="self"`, here)).toBeNull();
    expect(nextPage(`<${here.href}>; rel="nextish"`, here)).toBeNull();
  });

  it.each([
    'https://evil.example/api/v1/users?after=a',
    'http://acme.okta.com/api/v1/users?after=a',
    'https://acme.okta.com:8443/api/v1/users?after=a',
    'https://acme.okta.com.evil.example/api/v1/users',
    'https://acme.okta.com@evil.example/api/v1/users',
    'https://user:pass@acme.okta.com/api/v1/users',
    'https://acme.okta.com/api/v1/users/../logs?after=a',
    'https://acme.okta.com/api/v1/logs?after=a',
    '//evil.example/api/v1/users',
    '/api/v1/users?after=a',
    'file:///etc/passwd',
    '',
  ])('is refused if the link leads to %s', (target) => {
    expect(() => next(`<${target}>; rel="next"`)).toThrow(expect.objectContaining({ code: 'invalid_answer' }));
  });
});
