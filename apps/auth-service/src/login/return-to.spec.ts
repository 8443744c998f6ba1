import { safeReturnTo } from './return-to.js';

describe('safeReturnTo', () => {
  it.each([
    ['/', '/'],
    ['/incidents/42?tab=a%20b#c', '/incidents/42?tab=a%20b#c'],
    ['/a/../b', '/b'],
    ['/suche?q=ä', '/suche?q=%C3%A4'],
    ['/authors', '/authors'],
    ['/?next=https://evil.com', '/?next=https://evil.com'],
  ])('turns %j into %j', (value, path) => expect(safeReturnTo(value)).toBe(path));

  it.each([
    '',
    'incidents',
    'https://evil.com',
    'https:evil.com',
    'https:/evil.com',
    'javascript:alert(1)',
    '//evil.com',
    '///evil.com',
    '/\\evil.com',
    '\\\\evil.com',
    '/\\/evil.com',
    '/%2f%2fevil.com',
    '/%2Fevil.com',
    '/%5cevil.com',
    '/a/..//evil.com',
    '/.//evil.com',
    '/%2e%2e//evil.com',
    '/\t/evil.com',
    '/\n/evil.com',
    '\t//evil.com',
    '/a\r\nSet-Cookie: x=1',
    '/a%0d%0aSet-Cookie:x=1',
    '/a\u0000',
    '/a\u0085b',
    '/%',
    '/auth/okta/login',
    '/AUTH/logout',
    '/%61uth/logout',
    `/${'a'.repeat(3_000)}`,
  ])('refuses %j', (value) => expect(safeReturnTo(value)).toBeNull());

  it('never leads to another origin, however the path is spelled', () => {
    const parts = ['/', '\\', '.', '..', '%2f', '%5c', '%2e', '@', ':', 'evil.com', '?', '#', '\t', '%09', 'a'];
    const elsewhere: string[] = [];
    for (const a of parts)
      for (const b of parts)
        for (const c of parts)
          for (const d of parts) {
            const path = safeReturnTo(`/${a}${b}${c}${d}`);
            if (path !== null && new URL(path, 'https://sf.example.com').origin !== 'https://sf.example.com')
              elsewhere.push(path);
          }
    expect(elsewhere).toEqual([]);
  });
});
