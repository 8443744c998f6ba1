import { randomUUID } from 'node:crypto';
import { generateScimToken, hashScimToken, parseScimToken } from './token.js';

describe('a SCIM token', () => {
  it('contains its tenant and can be parsed', () => {
    const tenantId = randomUUID();
    const token = generateScimToken(tenantId);
    expect(token).toMatch(/^sfs1\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}$/);
    expect(parseScimToken(token)).toEqual({ tenantId, token });
  });

  it('is different each time', () => {
    const tenantId = randomUUID();
    expect(new Set(Array.from({ length: 50 }, () => generateScimToken(tenantId))).size).toBe(50);
  });

  it('is issued for a tenant id only', () => {
    expect(() => generateScimToken('../../etc')).toThrow('not a tenant id');
    expect(() => generateScimToken(randomUUID().toUpperCase())).toThrow('not a tenant id');
  });

  const good = generateScimToken('00000000-0000-4000-8000-00000000000f');
  it.each([
    ['nothing', ''],
    ['another scheme', good.replace('sfs1', 'sfs2')],
    ['a short secret', good.slice(0, -1)],
    ['a long secret', `${good}A`],
    ['a line break at the end', `${good}\n`],
    ['plain base64', good.replace(/.$/, '+')],
    ['a JWT', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.'],
    ['a second spelling of the tenant', good.replace(/^(sfs1\..{21})./, '$1x')],
  ])('%s is no token', (_, text) => {
    expect(parseScimToken(text)).toBeNull();
  });

  it('is hashed with SHA-256', () => {
    expect(hashScimToken('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});
