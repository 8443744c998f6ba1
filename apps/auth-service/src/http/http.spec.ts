import { loginCookieName, readCookie, readLoginCookies, setCookie } from './cookies.js';
import { refusalPage } from './pages.js';
import { REFUSALS, type RefusalCode } from './refusals.js';
import { isSameOrigin } from './same-origin.js';

const VALUE = 'a'.repeat(43);

describe('readCookie', () => {
  it.each<[string | undefined, string | null]>([
    [`sid=${VALUE}`, VALUE],
    [`a=b; sid=${VALUE}; c=d`, VALUE],
    [`xsid=${VALUE}`, null],
    [`sid=${VALUE}; sid=${VALUE}`, null],
    [`sid=${VALUE}; sid=`, null],
    [`sid="${VALUE}"`, null],
    [`sid=${VALUE}x`, null],
    ['sid=', null],
    ['', null],
    [undefined, null],
  ])('reads from %j the value %j', (header, value) => expect(readCookie(header, 'sid')).toBe(value));

  it('finds several login cookies, each under the name that follows from its value', () => {
    const [a, b] = ['a'.repeat(43), 'b'.repeat(43)];
    const pair = (value: string, name = loginCookieName(value)): string => `${name}=${value}`;
    expect(readLoginCookies(`x=y; ${pair(a)}; ${pair(b)}`)).toEqual([a, b]);
    expect(readLoginCookies(`${pair(a)}; ${pair(a)}`)).toEqual([]);
    expect(readLoginCookies(pair(a, loginCookieName(b)))).toEqual([]);
    expect(readLoginCookies(undefined)).toEqual([]);
    const many = Array.from({ length: 30 }, (_, i) => String(i).padStart(43, '0').split('').reverse().join(''));
    expect(readLoginCookies(many.map((value) => pair(value)).join('; '))).toHaveLength(20);
  });

  it('sets cookies for our exact host only, over https, and hidden from scripts', () => {
    expect(setCookie('__Host-x', VALUE, 60)).toBe(
      `__Host-x=${VALUE}; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax`,
    );
  });
});

describe('isSameOrigin', () => {
  const origin = 'https://sf.example.com';
  it.each([
    [{ 'sec-fetch-site': 'same-origin' }, true],
    [{ origin }, true],
    [{ 'sec-fetch-site': 'same-origin', origin }, true],
    [{}, false],
    [{ 'sec-fetch-site': 'same-site' }, false],
    [{ 'sec-fetch-site': 'cross-site', origin }, false],
    [{ 'sec-fetch-site': 'same-origin', origin: 'https://evil.com' }, false],
    [{ origin: 'null' }, false],
    [{ origin: [origin, origin] }, false],
  ])('for the headers %j is %s', (headers, same) => expect(isSameOrigin(headers, origin)).toBe(same));
});

describe('the page of a refusal', () => {
  it.each(Object.keys(REFUSALS) as RefusalCode[])('of %s has a sentence and the code', (code) => {
    const page = refusalPage(code, '/');
    expect(page).toContain(`Code: ${code}`);
    expect(page).toMatch(/<p>[A-Z][^<]{30,}[.]<\/p>/);
  });

  it('escapes the return path', () => {
    const page = refusalPage('not_provisioned', '/a?"><script>alert(1)</script>&b');
    expect(page).not.toContain('<script');
    expect(page).toContain('%22%3E%3Cscript%3E');
  });

  it('refreshes itself only for reasons that pass by themselves', () => {
    expect(refusalPage('not_provisioned', '/')).toContain('http-equiv="refresh"');
    expect(refusalPage('unknown_person', '/')).not.toContain('http-equiv="refresh"');
    expect(refusalPage('not_provisioned', null)).not.toContain('http-equiv="refresh"');
  });
});
